"""`spnl serve`: models of this machine for other programs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from spnl.commands.options import FetchOptions, fetch_options
from spnl.commands.parameters import SECONDS, FileName, ModelName, number_up_to
from spnl.config import read_config, settle
from spnl.console import Console
from spnl.errors import UsageError
from spnl.executor.options import DEFAULT_MODEL
from spnl.fetch_display import FetchDisplay

if TYPE_CHECKING:
    from spnl.server.settings import ServerSettings

KEY_VARIABLE = "SPNL_API_KEY"
_MIB = 1024 * 1024


@click.command()
@click.argument("models", nargs=-1, metavar="[MODEL]…", type=ModelName())
@click.option(
    "--allow",
    "allowed",
    multiple=True,
    metavar="MODEL",
    type=ModelName(),
    help="Serve this model too, and load it when it is first asked for.",
)
@click.option("--host", default="127.0.0.1", metavar="ADDRESS", help="Listen at this address (127.0.0.1).")
@click.option(
    "--port", default=8000, type=click.IntRange(0, 65535), metavar="N", help="Listen at this port (8000)."
)
@click.option(
    "--api-key-file", "key_file", metavar="FILE", type=FileName(), help="Let those in who show this key."
)
@click.option(
    "--api-key", "key", metavar="KEY", help="The key itself; better a file, or the variable SPNL_API_KEY."
)
@click.option("--no-auth", is_flag=True, help="Let everybody in who reaches the address.")
@click.option("--cors", "origins", multiple=True, metavar="ORIGIN", help="Answer web pages of this origin.")
@click.option("--parallel", type=click.IntRange(min=1), metavar="N", help="Make so many replies at once.")
@click.option(
    "--max-requests",
    default=128,
    type=click.IntRange(min=1),
    metavar="N",
    help="Let so many in at once, also those that wait (128).",
)
@click.option(
    "--max-tokens", default=8192, type=click.IntRange(min=1), metavar="N", help="Most of one reply (8192)."
)
@click.option(
    "--max-body",
    default=4.0,
    type=number_up_to(1024, "MiB", above=True),
    metavar="MIB",
    help="Of a request (4).",
)
@click.option(
    "--timeout",
    default=600.0,
    type=SECONDS,
    metavar="SECONDS",
    help="For one request (600).",
)
@click.option(
    "--idle",
    type=SECONDS,
    metavar="SECONDS",
    help="Unload a model that nobody has used for so long.",
)
@click.option(
    "--grace",
    default=30.0,
    type=number_up_to(3600, "seconds"),
    metavar="SECONDS",
    help="Let requests finish so long when told to stop (30).",
)
@fetch_options
@click.option("--log-contents", is_flag=True, help="Write what is asked and answered into the log.")
@click.option("-q", "--quiet", is_flag=True, help="No notices on stderr.")
def command(
    models: tuple[str, ...],
    key_file: str | None,
    key: str | None,
    no_auth: bool,
    host: str,
    max_requests: int,
    max_body: float,
    parallel: int | None,
    quiet: bool,
    fetching: FetchOptions,
    **limits: object,
) -> None:
    """Serve models of this machine to other programs, as OpenAI's API and for span queries.

    Models that are not on this machine are fetched, at the start only. Those named without --allow are
    loaded, then it listens: a line on stderr says so. Each request is a line of JSON on
    stdout. SIGTERM and Ctrl-C let requests finish.

    \b
    spnl serve
    spnl serve Qwen/Qwen3-1.7B-GGUF --allow Qwen/Qwen3-0.6B-GGUF --idle 600
    SPNL_API_KEY=… spnl serve --host 0.0.0.0 Qwen/Qwen3-1.7B-GGUF
    """
    _require_extra()
    from spnl.server.guard import is_loopback
    from spnl.server.settings import ServerSettings

    console = Console(quiet=quiet)
    key = _key(key, key_file, console)
    if key is None and not no_auth and not is_loopback(host):
        raise UsageError(
            "unprotected",
            f"whoever reaches {host} could use these models: there is no key",
            helps=(f"set {KEY_VARIABLE}, or give --api-key-file FILE; --no-auth serves everybody",),
        )
    settings = ServerSettings(
        models=models or _default(console),
        parallel=parallel or read_config(os.environ).parallel,
        host=host,
        key=None if no_auth else key,
        most_requests=max_requests,
        max_body=int(max_body * _MIB),
        **limits,  # type: ignore[arg-type]
    )
    _serve(settings, fetching, console)


def _require_extra() -> None:
    """See that the extra is installed; `UsageError` otherwise."""
    from importlib.util import find_spec

    missing = [
        name
        for name in ("starlette", "uvicorn", "httptools", "msgspec", "prometheus_client")
        if find_spec(name) is None
    ]
    if missing:
        raise UsageError(
            "no-server",
            f"what `spnl serve` needs is not installed: {', '.join(missing)}",
            helps=("pip install 'spnl-lang[serve]'",),
        )


def _key(key: str | None, file: str | None, console: Console) -> str | None:
    """The key that clients must show: of a flag, a file or the environment; None for none."""
    if key is not None:
        console.notice("everybody on this machine can see a key on a command line; better --api-key-file")
    elif file is not None:
        try:
            with open(file, encoding="utf-8") as opened:
                key = opened.read(4096).strip()
        except (OSError, UnicodeDecodeError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or "it is no text").lower()
            message = f"the key in {file} cannot be read: {reason}"
            raise UsageError("bad-key-file", message, helps=("name the file that holds the key",)) from None
    else:
        key = os.environ.get(KEY_VARIABLE)
    if key is not None and not (key.isascii() and key.isprintable() and key.strip() and " " not in key):
        raise UsageError(
            "bad-key-file",
            "a key is a word of ASCII characters, and this one is not",
            helps=("choose one without spaces: `openssl rand -hex 32` makes one",),
        )
    return key


def _default(console: Console) -> tuple[str, ...]:
    """What is served where no model is named."""
    named = os.environ.get("SPNL_MODEL") or read_config(os.environ).model
    if named is None:
        console.notice("no model is named: serving `tiny`, the bundled demonstration and test model")
    return (named or DEFAULT_MODEL.partition("/")[2],)


def _serve(settings: ServerSettings, fetching: FetchOptions, console: Console) -> None:
    from spnl.backends.pool import ModelPool
    from spnl.server.calls import Server
    from spnl.server.listening import bind, listen
    from spnl.server.request_log import RequestLog
    from spnl.server.served import ServedModels

    console.keep_stdout_to_ourselves()
    pool = ModelPool(limit=len(settings.models) + len(settings.allowed)).with_settings(settle(os.environ))
    supplied = pool.supplied(FetchDisplay(console), **fetching.as_dict())
    served = ServedModels(settings.models, settings.allowed, supplied, console.notice)
    served.find_all()
    bound = bind(settings.host, settings.port)
    served.load_first()

    def write(line: bytes) -> None:
        console.stdout.write(line)
        console.stdout.flush()

    log = RequestLog(write)
    names = ", ".join(served.names)
    server = Server(settings, served, log, console.say_safely)
    listen(server, bound, lambda url: console.say(f"spnl: serving {names} at {url}/v1")).run()
    log.close()
