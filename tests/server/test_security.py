"""Who may come in, and what those can do who should not: keys, names, pages, sizes and slowness."""

from __future__ import annotations

import hmac
import socket
from typing import Any

import pytest
from scripted import PATIENCE, ScriptedEngine
from serving import ask, connect, fetch, request_bytes, scripted_server

from spnl.server import connections, guard

CHAT = "/v1/chat/completions"
KEY = "s3cret-key"
CLOSED = ["/v1/models", "/metrics", "/openapi.json", "/v1/models/tiny"]


def closes(connection: socket.socket) -> bytes:
    """What a connection still sends until the server closes it; a server that does not is an error."""
    connection.settimeout(PATIENCE)
    received = b""
    try:
        while data := connection.recv(65536):
            received += data
    except ConnectionResetError:
        pass
    return received


@pytest.mark.parametrize(
    "shown",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {KEY}x",
        f"Bearer {KEY[:-1]}",
        f"Basic {KEY}",
        KEY,
        "Bearer \xe9\xff",
    ],
)
def test_without_the_key_nothing_is_told(shown: str | None) -> None:
    engine = ScriptedEngine()
    headers = {} if shown is None else {"Authorization": shown}
    with scripted_server(engine, key=KEY) as server:
        for reply in (
            fetch(server.url + CHAT, ask("x"), **headers),
            *(fetch(server.url + path, **headers) for path in [*CLOSED, "/nowhere", "/v1/../metrics"]),
            fetch(f"{server.url}/v1/re_isq", {"ggml_type": "Q4K"}, **headers),
        ):
            assert (reply.status, reply.code) == (401, "bad-key")
            assert reply.headers["WWW-Authenticate"] == "Bearer"
            assert KEY.encode() not in reply.body and b"tiny" not in reply.body
        assert fetch(f"{server.url}/health", **headers).status == 200
    assert engine.requests == []
    assert KEY not in str(server.log) + str(server.said)


def test_with_the_key_everything_is_open() -> None:
    with scripted_server(ScriptedEngine(), key=KEY) as server:
        for path in CLOSED:
            assert fetch(server.url + path, Authorization=f"Bearer {KEY}").status == 200
        assert fetch(server.url + CHAT, ask("x"), Authorization=f"bearer {KEY}").status == 200


def test_keys_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the function that is made for it, and on digests, whose length tells nothing."""
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def noting(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return real(one, other)

    monkeypatch.setattr(guard.hmac, "compare_digest", noting)
    with scripted_server(ScriptedEngine(), key=KEY) as server:
        fetch(f"{server.url}/metrics", Authorization="Bearer x")
    assert compared == [(32, 32)]


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::2]", ""]
)
def test_a_page_that_reaches_us_under_its_own_name_is_refused(host: str) -> None:
    with scripted_server(ScriptedEngine()) as server:
        assert fetch(server.url + CHAT, ask("x"), Host=host).code == "foreign-host"
        for ours in ("localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000", "LocalHost"):
            assert fetch(server.url + CHAT, ask("x"), Host=ours).status == 200


def test_web_pages_are_refused_but_those_that_are_named() -> None:
    engine = ScriptedEngine()
    with scripted_server(engine) as server:
        assert fetch(server.url + CHAT, ask("x"), Origin="https://evil.example").code == "foreign-origin"
        assert fetch(server.url + CHAT, ask("x"), Origin="null").code == "foreign-origin"
    assert engine.requests == []
    with scripted_server(engine, origins=("https://good.example",)) as server:
        good = fetch(server.url + CHAT, ask("x"), Origin="https://good.example")
        assert good.status == 200
        assert good.headers["Access-Control-Allow-Origin"] == "https://good.example"
        bad = fetch(server.url + CHAT, ask("x"), Origin="https://evil.example")
        assert bad.code == "foreign-origin" and bad.headers["Access-Control-Allow-Origin"] is None


def test_bodies_that_are_too_large_are_refused_unread() -> None:
    engine = ScriptedEngine()
    with scripted_server(engine, max_body=10_000) as server:
        assert fetch(server.url + CHAT, ask("x" * 20_000)).code == "too-large"
        with connect(server.url) as announced:
            head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n"
            announced.sendall(head.encode())
            assert announced.recv(65536).startswith(b"HTTP/1.1 4")
        with connect(server.url) as chunked:
            head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            chunked.sendall(head.encode())
            for _ in range(20):
                chunked.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")
            assert chunked.recv(65536).startswith(b"HTTP/1.1 413")
    assert engine.requests == []


def test_heads_without_end_are_cut() -> None:
    with scripted_server(ScriptedEngine()) as server, connect(server.url) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        received = b""
        try:
            for number in range(10_000):
                connection.sendall(b"X-%d: %s\r\n" % (number, b"y" * 1000))
        except OSError:
            pass
        else:
            received = closes(connection)
        assert b" 200 " not in received
        assert fetch(f"{server.url}/health").status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /health HT",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n",
        request_bytes(CHAT, ask("x"))[:-5],
    ],
    ids=["nothing", "half a line", "no end of the head", "half a body"],
)
def test_those_who_dawdle_are_cut(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(connections, "BODY_SECONDS", 0.2)
    engine = ScriptedEngine()
    with scripted_server(engine) as server, connect(server.url) as connection:
        connection.sendall(sent)
        assert b" 200 " not in closes(connection)
        assert fetch(f"{server.url}/health").status == 200
    assert engine.requests == []


def test_those_who_do_not_read_are_cut_and_their_generation_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "WRITE_SECONDS", 0.3)

    def flood(request: Any) -> Any:
        while True:
            yield "word " * 2000

    engine = ScriptedEngine(flood)
    with scripted_server(engine) as server:
        with connect(server.url) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(request_bytes(CHAT, ask("x", stream=True)))
            engine.wait_for_open(1)
            engine.wait_for_open(0)
        assert engine.cancelled == 1
        assert fetch(f"{server.url}/health").status == 200


def test_no_more_connections_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 4)
    with scripted_server(ScriptedEngine()) as server:
        held = [connect(server.url) for _ in range(4)]
        with connect(server.url) as beyond:
            assert closes(beyond) == b""
        for connection in held:
            connection.close()
        for _ in range(20):  # the server notices that they are gone one after another
            try:
                assert fetch(f"{server.url}/health").status == 200
                return
            except OSError:
                continue
        pytest.fail("there is no room again")


@pytest.mark.parametrize(
    "path",
    ["/../../etc/passwd", "/v1/models/../../../etc/passwd", "/v1/models/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
     "//etc/passwd", "/v1/models/%00", "/v1/models//etc/passwd", "/static/x", "/v1/chat/completions/x"],
)  # fmt: skip
def test_paths_lead_nowhere(path: str) -> None:
    with scripted_server(ScriptedEngine()) as server, connect(server.url) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        received = closes(connection)
    assert received.startswith(b"HTTP/1.1 404") and b"root:" not in received


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02", b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x00" * 100]
)
def test_what_is_no_http_is_refused(sent: bytes) -> None:
    with scripted_server(ScriptedEngine()) as server:
        with connect(server.url) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            assert b" 200 " not in closes(connection)
        assert fetch(f"{server.url}/health").status == 200


def test_quantising_anew_is_for_servers_with_a_key() -> None:
    with scripted_server(ScriptedEngine()) as server:
        assert fetch(f"{server.url}/v1/re_isq", {"ggml_type": "Q4K"}).code == "needs-key"
    with scripted_server(ScriptedEngine(), key=KEY) as server:
        refused = fetch(f"{server.url}/v1/re_isq", {"ggml_type": "Q4K"}, Authorization=f"Bearer {KEY}")
        assert refused.code == "no-requantising"
