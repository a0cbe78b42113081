"""What a server is told at its start, and the limits that are the same for all."""

from __future__ import annotations

from typing import Final

from spnl.frozen import Frozen

DEFAULT_PORT: Final = 8000
"""The port that upstream's client expects, and vLLM's."""

MAX_CHOICES: Final = 64
"""Replies that one chat or completion request may ask for."""

MAX_GENERATIONS: Final = 1024
"""Generations that one query may ask for."""

MAX_TEXTS: Final = 65_536
"""Texts that the structures of one query may come to: `zip` within `zip` multiplies them."""

MAX_TOP_LOGPROBS: Final = 20

MAX_HEAD: Final = 64 * 1024
"""Bytes of a request's first line and headers."""

HEAD_SECONDS: Final = 10.0
"""How long a connection may take to say what it wants."""

BODY_SECONDS: Final = 30.0
"""How long it may take to send what it announced."""

WRITE_SECONDS: Final = 30.0
"""How long a client may leave what was written for it unread, once buffers are full."""

KEEP_ALIVE_SECONDS: Final = 30
MAX_CONNECTIONS: Final = 1024


class ServerSettings(Frozen):
    """How a server serves.

    `models` are loaded at its start, `allowed` when they are asked for; `key` is what clients must show, None
    for none; `origins` are the web pages that may ask (CORS). `parallel` is how many replies are made at
    once (None: what the engine says is worth having), `most_requests` how many may be under way or waiting.
    Times are in seconds: `idle` until a model that nobody uses is unloaded (None: never), `timeout` for one
    request, `grace` for those under way when the server is told to stop. `max_body` is in bytes, `max_tokens`
    the most of one reply. `log_contents`: the request log holds what was asked and answered.
    """

    models: tuple[str, ...]
    allowed: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    key: str | None = None
    origins: tuple[str, ...] = ()
    parallel: int | None = None
    most_requests: int = 128
    idle: float | None = None
    timeout: float = 600.0
    grace: float = 30.0
    max_body: int = 4 * 1024 * 1024
    max_tokens: int = 8192
    log_contents: bool = False
