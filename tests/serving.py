"""Servers for tests: the command as a process with the real engine, or one in a thread with a script."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from invoking import command, process_environment
from scripted import PATIENCE, ScriptedEngine, ScriptedModels

from spnl.server.calls import Server
from spnl.server.listening import bind, listen
from spnl.server.request_log import RequestLog
from spnl.server.served import ServedModels
from spnl.server.settings import ServerSettings

_READY = re.compile(r"serving .* at (http://\S+)/v1")


class ServeProcess:
    """`spnl serve` as a process, once it is ready. `notices` are lines of its stderr, `log` of its stdout."""

    def __init__(self, *args: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            command("serve", "--port", "0", *args),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=process_environment(RAYON_NUM_THREADS="1", **environment),
        )
        self.notices: list[str] = []
        self.log: list[str] = []
        self.url = ""
        self._ready = threading.Event()
        self._readers = [
            threading.Thread(target=read, daemon=True) for read in (self._read_notices, self._read_log)
        ]
        for reader in self._readers:
            reader.start()
        if not self._ready.wait(PATIENCE) or not self.url:
            self.end()
            raise AssertionError("the server is not ready:\n" + "".join(self.notices))

    def _read_notices(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.notices.append(line)
            if found := _READY.search(line):
                self.url = found[1]
                self._ready.set()
        self._ready.set()

    def _read_log(self) -> None:
        assert self.process.stdout is not None
        self.log.extend(self.process.stdout)

    def end(self, sent: int = signal.SIGTERM) -> int:
        """Stop it, and give its exit code; all of its output has been read then."""
        if self.process.poll() is None:
            self.process.send_signal(sent)
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        for reader in self._readers:
            reader.join(PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return code

    def resident(self) -> int:
        """Its resident memory, in bytes."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096

    def __enter__(self) -> ServeProcess:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()


class Pool(ScriptedModels):
    """Scripted models that can be unloaded."""

    def __init__(self, engine: ScriptedEngine, **options: Any) -> None:
        super().__init__(engine, **options)
        self.unloaded: list[str] = []
        self.changed = threading.Condition()

    def unload(self, model: str) -> bool:
        if model not in self.loaded:
            return False
        with self.changed:
            self.loaded.remove(model)
            self.unloaded.append(model)
            self.changed.notify_all()
        return True


class Scripted(NamedTuple):
    """A server in a thread of this process, on a script."""

    url: str
    server: Server
    listening: Any
    log: list[dict[str, Any]]
    said: list[str]


@contextmanager
def scripted_server(engine: ScriptedEngine | Pool, **settings: Any) -> Iterator[Scripted]:
    """A server on a free port, whose models say what a script says."""
    settings = {"models": ("tiny",), "port": 0, **settings}
    chosen = ServerSettings(**settings)
    pool = engine if isinstance(engine, Pool) else Pool(engine)
    log: list[dict[str, Any]] = []
    said: list[str] = []
    served = ServedModels(chosen.models, chosen.allowed, pool, said.append)
    served.load_first()
    requests = RequestLog(lambda line: log.append(json.loads(line)))
    server = Server(chosen, served, requests, said.append)
    ready = threading.Event()
    urls: list[str] = []

    def is_ready(url: str) -> None:
        urls.append(url)
        ready.set()

    listening = listen(server, bind(chosen.host, chosen.port), is_ready)
    thread = threading.Thread(target=listening.run, daemon=True)
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield Scripted(urls[0], server, listening, log, said)
    finally:
        listening.should_exit = True
        thread.join(PATIENCE)
        requests.close()
        assert not thread.is_alive(), "the server does not end"


class Reply(NamedTuple):
    """A response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as data."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The id of the error that it tells."""
        return str(self.json["error"]["code"])

    @property
    def events(self) -> list[Any]:
        """The events of a stream, without the last; it has to be `[DONE]`."""
        *events, done, end = self.body.decode().split("\n\n")
        assert done == "data: [DONE]" and end == "", self.body
        return [json.loads(event.removeprefix("data: ")) for event in events]


def fetch(url: str, data: Any = None, method: str | None = None, **headers: str) -> Reply:
    """Send a request and read the whole response, whatever its status. `data`: bytes, or to be JSON."""
    body = data if isinstance(data, bytes | None) else json.dumps(data).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, named, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=PATIENCE) as response:
            return Reply(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, error.headers, error.read())


def ask(text: str, **more: Any) -> dict[str, Any]:
    """The body of a chat request with one message, greedy unless it says otherwise."""
    return {"model": "tiny", "messages": [{"role": "user", "content": text}], "temperature": 0, **more}


def connect(url: str) -> socket.socket:
    """A bare connection to a server."""
    host, _, port = url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), PATIENCE)


def request_bytes(path: str, data: Any) -> bytes:
    """A whole POST request as it goes over a connection."""
    body = json.dumps(data).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
