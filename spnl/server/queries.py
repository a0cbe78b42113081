"""`POST /v1/query/execute`: a span query in upstream's JSON, answered as upstream's client expects.

A query is data: it holds no form that reads a file, a variable of the environment or a module, and none that
asks anybody. What it can hold is bounded before it runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from spnl.backends.base import Chunk, Finish, Request, Usage
from spnl.codec import read_json
from spnl.executor.answer import Style
from spnl.executor.dispatch import Models
from spnl.executor.machine import execute
from spnl.executor.nodes import static_messages
from spnl.executor.observer import Observer
from spnl.executor.options import Resolver, RunOptions
from spnl.executor.results import Leaf
from spnl.query import (
    Generate,
    Map,
    Message,
    Print,
    Query,
    Repeat,
    Zip,
    children,
    is_static,
)
from spnl.server.answering import Answer, respond
from spnl.server.calls import Call, call_of
from spnl.server.desk import Event, Work, generations
from spnl.server.errors import HttpError
from spnl.server.reading import read_body
from spnl.server.settings import MAX_GENERATIONS, MAX_TEXTS
from spnl.server.shapes import ChatShape, CompletionShape
from spnl.source import Source


async def query(request: HttpRequest) -> Response:
    """Run a query: `stream=true` for server-sent events."""
    call = call_of(request)
    streamed = _flag(request, "stream")
    body = await read_body(request, call.server.settings.max_body)
    # Reading a large query takes a while, which the streams of others must not wait for.
    served, models, requests = await asyncio.to_thread(_prepare, body, call)
    call.model = models[0] if models else None
    chat_shaped = isinstance(served, (Generate, Repeat)) and requests is not None and not streamed
    kind = ChatShape if chat_shaped else CompletionShape
    shape = kind(call.id, call.created, call.model or "", logprobs=False, counted=False)
    if requests is not None:
        prompts = len(requests) if isinstance(served, Map) else 1
        answer, work = Answer(call, shape, len(requests), prompts), generations(models[0], requests)
    else:
        answer, work = Answer(call, shape), _execution(served)
    call.keep(query=body.decode())
    return await respond(request, models, work, answer, stream=streamed, counted=False)


def _prepare(body: bytes, call: Call) -> tuple[Query, tuple[str, ...], tuple[Request, ...] | None]:
    """The query, the models it uses, and its requests where they are known; refuses what is too much."""
    asked = _read(body)
    served, models = _with_served_models(asked, call)
    _check_size(served)
    return served, models, _requests(served)


def _flag(request: HttpRequest, name: str) -> bool:
    value = request.query_params.get(name, "false")
    if value not in ("true", "false"):
        raise HttpError(400, "bad-request", f"`{name}` takes `true` or `false`", param=name)
    return value == "true"


def _read(body: bytes) -> Query:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise HttpError(400, "not-utf-8", f"the body is not UTF-8: {error}") from None
    return read_json(Source("the query", text))


def _with_served_models(query: Query, call: Call) -> tuple[Query, tuple[str, ...]]:
    """The query with each model under the name by which it is served, and those names in order."""
    names: dict[str, None] = {}

    def visit(node: Query) -> Query:
        match node:
            case Generate():
                return node.but(model=known(node.model), input=visit(node.input), sampling=limited(node))
            case Repeat():
                return node.but(generate=visit(node.generate))
            case Map():
                return node.but(model=known(node.model), sampling=limited(node))
            case Zip():
                return node.but(first=visit(node.first), second=visit(node.second))
            case Message() | Print():
                return node
        if hasattr(node, "children"):
            return node.but(children=tuple(map(visit, node.children)))
        return node.but(body=visit(node.body))  # type: ignore[attr-defined]

    def known(name: str | None) -> str:
        found = call.server.served.resolve(name or "")
        names[found] = None
        return found

    def limited(node: Generate | Map) -> object:
        most = call.server.settings.max_tokens
        if (node.sampling.max_tokens or 0) > most:
            message = f"`max_tokens` is more than the {most:,} that this server makes of a reply"
            raise HttpError(400, "bad-request", message, param="max_tokens")
        return node.sampling

    return visit(query), tuple(names)


def _check_size(query: Query) -> None:
    """Raise `HttpError` where a query comes to too much, before any of it is made."""
    generations, texts = _size(query)
    if generations > MAX_GENERATIONS:
        message = f"the query asks for {generations:,} generations, and at most {MAX_GENERATIONS:,} are made"
        raise HttpError(400, "too-many", message)
    if texts > MAX_TEXTS:
        raise HttpError(400, "too-many", f"the query comes to more than {MAX_TEXTS:,} texts")


def _size(query: Query) -> tuple[int, int]:
    """How many generations a query asks for, and at most how many texts it comes to."""
    if isinstance(query, Map):
        return len(query.inputs), len(query.inputs)
    inner = [_size(child) for child in children(query)]
    generations, texts = sum(size[0] for size in inner), sum(size[1] for size in inner)
    if isinstance(query, Zip):
        (_, first), (_, second) = inner
        return generations, second * (first + 1)
    if isinstance(query, Repeat):
        return generations + query.n - 1, max(texts, query.n)
    if isinstance(query, Generate):
        return generations + 1, max(texts, 1)
    return generations, max(texts, 1)


def _requests(query: Query) -> tuple[Request, ...] | None:
    """What a generation, a repeat or a map asks, where all of it is known: each can then stream by itself."""
    resolver = Resolver(RunOptions(), lambda notice: None)
    match query:
        case Repeat(n=n, generate=generate) if is_static(generate.input):
            return (Request(_messages(generate), resolver.sampling(generate.sampling)),) * n
        case Generate() if is_static(query.input):
            return (Request(_messages(query), resolver.sampling(query.sampling)),)
        case Map():
            sampling = resolver.sampling(query.sampling)
            return tuple(Request((("user", str(text)),), sampling) for text in query.inputs)
    return None


def _messages(query: Generate) -> tuple[tuple[str, str], ...]:
    messages = static_messages(query.input)
    if not messages:
        raise HttpError(400, "empty-input", "the input comes to nothing, so there is nothing to reply to")
    return messages


def _execution(query: Query) -> Work:
    """The work of running any other query: each text of its answer is a reply of its own."""

    def work(models: Models, put: Callable[[Event], None]) -> None:
        execute(query, models, _Texts(put), Observer(), RunOptions())

    return work


class _Texts:
    """An output that hands the texts of an answer on as events."""

    is_live = True

    def __init__(self, put: Callable[[Event], None]) -> None:
        self._put = put
        self._index = 0

    def begin(self, style: Style) -> None:
        """A new text."""

    def write(self, text: str) -> None:
        """More of it."""
        self._put((self._index, Chunk(text)))

    def end(self, leaf: Leaf) -> None:
        """It is complete."""
        reply = leaf.reply
        finish = Finish("stop", Usage()) if reply is None else Finish(reply.reason, reply.usage)
        self._put((self._index, finish))
        self._index += 1
