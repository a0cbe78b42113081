"""`spnl pull`, and runs that fetch what is missing: as processes, against a hub on loopback."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import pyte
import pytest
from fixtures_models import TINY, ModelFiles, adapter
from hub_stand_in import MAIN, sha256
from invoking import command, process_environment
from models.caches import Cache
from models.machines import ANSWER, BODY, FILE, QUESTION, Machine
from scripted import PATIENCE
from serving import ServeProcess, ask, fetch
from terminals import Terminal

TWICE = 512 * 1024
"""Bytes that may have to be fetched twice: what was on its way when the process ended."""


def test_pull_says_what_it_does_and_where_the_model_is(machine: Machine) -> None:
    ran = machine.run("pull", "mistralrs/org/m")
    path = machine.home / "hub" / "models--org--m" / "snapshots" / MAIN / FILE
    assert (ran.out.decode(), ran.code) == (f"{path}\n", 0)
    assert ran.err == f"spnl: fetching org/m: {FILE} (the only one there), 3.9 MB\nspnl: fetched 3.9 MB\n"
    assert path.read_bytes() == BODY
    again = machine.run("pull", "-q", "org/m", "tiny", str(TINY))
    assert (again.out.decode().splitlines(), again.err) == ([str(path), str(TINY), str(TINY)], "")
    assert machine.hub.served[sha256(BODY)] == len(BODY)


def test_pull_mends_a_damaged_file_and_a_run_says_that_it_can(machine: Machine) -> None:
    machine.run("pull", "org/m")
    blob = machine.home / "hub" / "models--org--m" / "blobs" / sha256(BODY)
    blob.write_bytes(BODY[:-500_000])
    broken = machine.run("--model", "org/m", "-c", QUESTION)
    assert broken.code == 4
    assert broken.err.startswith("error[damaged-model]") and "`spnl pull org/m` fetches again" in broken.err
    assert machine.run("pull", "org/m").code == 0
    assert blob.read_bytes() == BODY


def test_pull_of_what_cannot_be_pulled(machine: Machine) -> None:
    assert machine.run("pull", "openai/gpt-9").err.startswith("error[no-backend]")
    none = machine.run("pull", "org/none")
    assert none.code == 4 and none.err.startswith("error[no-such-model]: the hub has no model `org/none`")
    offline = machine.run("pull", "org/m", HF_HUB_OFFLINE="1")
    assert offline.code == 4 and offline.err.startswith("error[offline]")
    assert machine.run("pull").code == 2


def test_a_run_fetches_the_model_answers_and_never_asks_again(machine: Machine) -> None:
    ran = machine.run("-m", "org/m", "-c", QUESTION)
    assert (ran.out, ran.code) == (ANSWER, 0)
    assert ran.err.startswith(f"spnl: fetching org/m: {FILE} (the only one there), 3.9 MB\n")
    asked = len(machine.hub.asked)
    again = machine.run("-m", "org/m", "-c", QUESTION)
    assert (again.out, again.err, again.code) == (ANSWER, "", 0)
    assert len(machine.hub.asked) == asked


def test_the_adapter_of_a_model_is_fetched_too(machine: Machine, files: ModelFiles, tmp_path: Path) -> None:
    for name, folder in (
        ("org/s", files.safetensors),
        ("org/lora", adapter(tmp_path / "a", files.safetensors)),
    ):
        machine.hub.add(name, {path.name: path for path in folder.iterdir()} | {"README.md": b"r"})
    name = "org/s#adapter=org/lora"
    ran = machine.run("-m", name, "--max-tokens", "3", "-c", QUESTION)
    assert (ran.code, ran.err.count("spnl: fetching")) == (0, 2), ran.err
    there = machine.home / "hub" / "models--org--lora" / "snapshots" / MAIN
    assert sorted(path.name for path in there.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    asked = len(machine.hub.asked)
    again = machine.run("-m", name, "--max-tokens", "3", "-c", QUESTION)
    assert (again.out, len(machine.hub.asked)) == (ran.out, asked)
    assert machine.run("pull", "-q", name).out.decode().splitlines()[1:] == [str(there)]
    missing = machine.run("pull", "tiny#adapter=org/none")
    assert missing.err.startswith("error[no-such-model]: the hub has no model `org/none`")
    none = machine.run("pull", "tiny#adapter=org/m")
    assert none.err.startswith("error[bad-adapter]: org/m is no adapter")


def test_a_model_on_disk_runs_without_a_socket_and_without_the_hubs_modules(machine: Machine) -> None:
    Cache(machine.home).add("org/m", {FILE: TINY})
    for offline in ([], ["--offline"]):
        ran = machine.run_without_network(*offline, "-m", "org/m", "-c", QUESTION)
        assert (ran.out, ran.err, ran.code) == (ANSWER, "[]\n", 0)


@pytest.mark.parametrize(
    ("args", "environ"),
    [
        (["--offline"], {}),
        ([], {"HF_HUB_OFFLINE": "1"}),
        ([], {"TRANSFORMERS_OFFLINE": "yes", "HF_HUB_OFFLINE": ""}),
    ],
)
def test_offline_asks_nothing_and_says_what_is_near(
    args: list[str], environ: dict[str, str], machine: Machine
) -> None:
    Cache(machine.home).add("org/m", {FILE: TINY})
    missing = machine.run_without_network(*args, "-m", "org/m:Q4_K_M", "-c", QUESTION, **environ)
    assert missing.code == 4
    assert missing.err.splitlines() == [
        "error[offline]: there is no Q4_K_M of org/m here, and the hub is not asked: spnl is offline",
        "  = help: what is there: Q8_0",
        "  = help: `spnl pull org/m:Q4_K_M` fetches it, without --offline and HF_HUB_OFFLINE",
        "[]",
    ]


def test_a_session_fetches_what_it_is_asked_for(machine: Machine) -> None:
    entry = QUESTION.encode() + b"\n"
    offline = machine.run("repl", "-m", "org/m", "--offline", stdin=entry)
    assert "error[offline]" in offline.err and (offline.out, machine.hub.asked) == (b"", [])
    ran = machine.run("chat", "org/m", stdin=entry * 2)
    assert (ran.out, ran.code) == (2 * ANSWER, 0), ran.err
    assert ran.err.count(f"spnl: fetching org/m: {FILE} (the only one there), 3.9 MB\n") == 1
    asked = len(machine.hub.asked)
    assert machine.run("repl", "-m", "org/m", stdin=entry).out == ANSWER
    assert len(machine.hub.asked) == asked


def test_a_server_fetches_at_its_start_and_not_at_a_clients_word(machine: Machine) -> None:
    machine.hub.add("org/other", {FILE: TINY})
    offline = machine.run("serve", "--port", "0", "--offline", "org/m")
    assert (offline.code, machine.hub.asked) == (4, []) and "error[offline]" in offline.err
    with ServeProcess("org/m", "--allow", "org/other", **machine.environ) as server:
        assert sum("fetching org/" in line for line in server.notices) == 2, "before it listens"
        shutil.rmtree(machine.home / "hub" / "models--org--other")
        asked = len(machine.hub.asked)
        for model, status in (("org/m", 200), ("org/other", 503), ("org/more", 404)):
            body = ask("a", model=model, max_tokens=2)
            assert fetch(server.url + "/v1/chat/completions", body).status == status
        assert len(machine.hub.asked) == asked


@pytest.mark.parametrize("words", [["show", "org/m"], ["plan", "-c", '(g "a" (model "org/m"))'], ["list"]])
def test_commands_that_look_never_fetch(words: list[str], machine: Machine) -> None:
    ran = machine.run_without_network(*words)
    assert ran.code == (4 if words[0] == "show" else 0), ran.err
    assert ran.err.splitlines()[-1] == "[]"
    if words[0] == "show":
        assert "help: `spnl pull org/m` fetches it from the hub" in ran.err


def test_two_at_once_fetch_once(machine: Machine) -> None:
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda _: machine.run("pull", "org/m"), range(2)))
    assert [ran.code for ran in both] == [0, 0], [ran.err for ran in both]
    assert machine.hub.served[sha256(BODY)] == len(BODY)
    assert len(machine.files()) == 3, "the content, its name and the branch"


def test_ctrl_c_keeps_what_is_here_and_says_so(machine: Machine) -> None:
    process = machine.start("pull", "org/m")

    def watch(total: int) -> None:
        if total >= 1_000_000:
            machine.hub.watch = None
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)

    machine.hub.watch = watch
    _, err = process.communicate(timeout=3 * PATIENCE)
    assert process.returncode == 130
    assert re.search(r"fetched \d+ % of 3.9 MB; the same command continues from there\n", err.decode())
    ran = machine.run("pull", "org/m")
    assert re.search(r"3.9 MB, of which \d+.\d kB are here\n", ran.err), ran.err
    assert machine.hub.served[sha256(BODY)] - len(BODY) < TWICE


def test_a_terminal_shows_a_bar_and_takes_it_away(machine: Machine) -> None:
    drawn = threading.Event()
    machine.hub.watch = lambda total: drawn.wait(0.01) and None  # slow, until the bar has been seen
    with Terminal(command("pull", "org/m"), env=process_environment(**machine.environ)) as terminal:
        terminal.read_until(b"% of 3.9 MB")
        drawn.set()
        assert terminal.wait() == 0
    first, *_, last = terminal.shown.decode().split("\r\n")[:-1]
    assert first == f"spnl: fetching org/m: {FILE} (the only one there), 3.9 MB"
    assert last.endswith(FILE)
    screen = pyte.Screen(200, 24)
    pyte.ByteStream(screen).feed(terminal.shown)
    assert not any("#" in line or "[" in line for line in screen.display), "the bar is gone"


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()


def twice_after_a_kill(machine: Machine, moment: int, name: str) -> int:
    """Kill a pull once so many bytes were sent, pull again; how many bytes were sent twice."""
    code = machine.run_until(moment, kill, "pull", name)
    assert code == -signal.SIGKILL
    ran = machine.run("pull", name)
    assert ran.code == 0, ran.err
    files = machine.hub.repos[name].commits[MAIN]
    repo = machine.home / "hub" / f"models--{name.replace('/', '--')}"
    for file, content in files.items():
        assert (repo / "snapshots" / MAIN / file).read_bytes() == content
    contents = {sha256(content) for content in files.values()}
    assert {blob.name for blob in (repo / "blobs").iterdir()} == contents, "nothing is left over"
    assert {path.name for path in repo.iterdir()} == {"blobs", "refs", "snapshots"}
    return sum(machine.hub.served[digest] for digest in contents) - sum(map(len, files.values()))


def moments(count: int) -> list[int]:
    """Seeded moments, in bytes of a model in three files."""
    return random.Random(4).sample(range(1, len(BODY)), count)


@pytest.mark.parametrize("moment", moments(1))
def test_a_pull_that_is_killed_is_continued(moment: int, machine: Machine, files: ModelFiles) -> None:
    _kill_and_pull(moment, machine, files)


@pytest.mark.soak
@pytest.mark.parametrize("moment", moments(20))
def test_a_pull_that_is_killed_at_any_moment_is_continued(
    moment: int, machine: Machine, files: ModelFiles
) -> None:
    _kill_and_pull(moment, machine, files)


def _kill_and_pull(moment: int, machine: Machine, files: ModelFiles) -> None:
    parts = {path.name: path for path in files.split.parent.glob("split-*.gguf")}
    machine.hub.add("org/split", parts)
    twice = twice_after_a_kill(machine, moment, "org/split")
    print(json.dumps({"moment": moment, "twice": twice}))
    assert twice < TWICE


def test_a_model_that_was_unloaded_is_not_fetched_at_a_clients_word(machine: Machine) -> None:
    with ServeProcess("--idle", "0.2", "org/m", **machine.environ) as server:
        end = monotonic() + PATIENCE
        while fetch(server.url + "/v1/models/org/m").json["loaded"]:
            assert monotonic() < end, "it is not unloaded"
        shutil.rmtree(machine.home / "hub" / "models--org--m")
        asked = len(machine.hub.asked)
        body = ask("a", model="org/m", max_tokens=2)
        assert fetch(server.url + "/v1/chat/completions", body).status == 503
        assert len(machine.hub.asked) == asked
