"""A hub of models on loopback, which speaks what huggingface.co speaks, and the server that it redirects to.

What it does was read from `huggingface_hub` (which addresses it asks, which headers it reads) and from the
hub's documents; `test_hub_stand_in.py` has the real client's own functions read it. Two ports are two hosts:
what is small is served by the hub itself, and what is large (in Git LFS, at the real hub) by the other, to
which it redirects. Faults are put in place by a test; everything that is asked is kept.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlsplit

MAIN = "a" * 40
PIECE = 16 * 1024
GOOD_TOKEN = "hf_goodgoodgood"
"""The token of somebody who may see everything; `KNOWN_TOKEN` is of somebody with an account only."""
KNOWN_TOKEN = "hf_knownknown"


class Asked(NamedTuple):
    """One request: of which server, the method, the path, and the headers in lower case."""

    server: str
    method: str
    path: str
    headers: Mapping[str, str]


class Fault(NamedTuple):
    """What comes instead of an answer, `times` times, to requests whose server and path fit."""

    server: str
    path: str
    status: int
    headers: Mapping[str, str]


class Repo:
    """A repository: its files at each commit, and the names of commits."""

    def __init__(self, files: Mapping[str, bytes], commit: str, gated: bool, private: bool) -> None:
        self.commits = {commit: dict(files)}
        self.names = {"main": commit}
        self.gated = gated
        self.private = private

    def commit(self, revision: str) -> str | None:
        """The commit that a revision names."""
        if revision in self.commits:
            return revision
        return self.names.get(revision)


class HubStandIn:
    """The two servers. `served` counts the bytes that were sent of each content, by its digest."""

    def __init__(self, *, large: int = 4096, page: int = 3) -> None:
        self.large = large
        self.page = page
        self.repos: dict[str, Repo] = {}
        self.moved: dict[str, str] = {}
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []
        self.served: dict[str, int] = {}
        self.contents: dict[str, bytes] = {}
        self.ignores_ranges = False
        self.cut_at: list[int] = []
        self.watch: Callable[[int], None] | None = None
        self._total = 0
        self._lock = threading.Lock()
        self._hub = _serve(self, _HubHandler)
        self._cdn = _serve(self, _CdnHandler)

    @property
    def address(self) -> str:
        """What HF_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self._hub.server_address[1]}"

    @property
    def cdn_address(self) -> str:
        """Where large files come from."""
        return f"http://localhost:{self._cdn.server_address[1]}"

    def add(
        self,
        name: str,
        files: Mapping[str, bytes | Path],
        *,
        commit: str = MAIN,
        gated: bool = False,
        private: bool = False,
    ) -> Repo:
        """Add a repository."""
        contents = {
            file: content if isinstance(content, bytes) else content.read_bytes()
            for file, content in files.items()
        }
        for content in contents.values():
            self.contents[sha256(content)] = content
        self.repos[name] = Repo(contents, commit, gated, private)
        return self.repos[name]

    def fail(
        self, status: int, path: str = "", *, server: str = "hub", times: int = 1, **headers: str
    ) -> None:
        """Let the next requests that fit fail; status 0 closes the connection without an answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.faults += [Fault(server, path, status, named)] * times

    def paths(self, server: str = "hub") -> list[str]:
        """The paths that were asked for."""
        return [asked.path for asked in self.asked if asked.server == server]

    def ranges(self) -> list[str | None]:
        """The ranges that were asked of the server of large files."""
        return [asked.headers.get("range") for asked in self.asked if asked.server == "cdn"]

    def take_fault(self, server: str, path: str) -> Fault | None:
        """The fault that is due for a request."""
        with self._lock:
            for fault in self.faults:
                if fault.server == server and fault.path in path:
                    self.faults.remove(fault)
                    return fault
        return None

    def count(self, digest: str, size: int) -> None:
        """Bytes of a content are about to be sent."""
        with self._lock:
            self.served[digest] = self.served.get(digest, 0) + size
            self._total += size
            total = self._total
        if self.watch is not None:
            self.watch(total)

    def is_cut(self, place: int) -> bool:
        """Whether the connection is to be cut at this place of a file, once."""
        with self._lock:
            for cut in self.cut_at:
                if cut <= place:
                    self.cut_at.remove(cut)
                    return True
        return False

    def close(self) -> None:
        """Stop serving."""
        for server in (self._hub, self._cdn):
            server.shutdown()
            server.server_close()


@contextmanager
def serving(**options: Any) -> Iterator[HubStandIn]:
    """A stand-in, while it is needed."""
    hub = HubStandIn(**options)
    try:
        yield hub
    finally:
        hub.close()


def sha256(content: bytes) -> str:
    """What Git LFS names a content by."""
    return hashlib.sha256(content).hexdigest()


def git_name(content: bytes) -> str:
    """What git names a content by."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    stand_in: HubStandIn

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients go away in these tests."""


def _serve(hub: HubStandIn, handler: type[BaseHTTPRequestHandler]) -> _Server:
    server = _Server(("127.0.0.1", 0), handler)
    server.stand_in = hub
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    name = ""
    server: _Server

    @property
    def hub(self) -> HubStandIn:
        return self.server.stand_in

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.hub.asked.append(Asked(self.name, self.command, self.path, headers))
        fault = self.hub.take_fault(self.name, self.path)
        if fault is None:
            self.answer()
        elif fault.status == 0:
            self.cut()
        else:
            self.reply(fault.status, b"", fault.headers)

    do_HEAD = do_GET

    def answer(self) -> None:
        raise NotImplementedError

    def setup(self) -> None:
        # What is on its way when a connection breaks is little, so that what is sent twice can be counted.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * PIECE)
        super().setup()

    def cut(self) -> None:
        """End the connection in the middle of an answer, or instead of one."""
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def reply(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status: int, code: str, message: str, **headers: str) -> None:
        """An error as the hub writes it."""
        body = json.dumps({"error": message}).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.reply(status, body, {"X-Error-Code": code, "X-Error-Message": message, **named})

    def content(self, body: bytes, digest: str, headers: Mapping[str, str]) -> None:
        """A file, or the range of it that was asked for, in pieces that are counted."""
        start, stop, status = 0, len(body), 200
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        validator = self.headers.get("If-Range")
        if asked and not self.hub.ignores_ranges and validator in (None, headers["ETag"]):
            start = int(asked[1])
            stop = min(int(asked[2]) + 1, len(body)) if asked[2] else len(body)
            if start >= len(body):
                self.reply(416, b"", {"Content-Range": f"bytes */{len(body)}"})
                return
            status = 206
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(body)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        for place in range(start, stop, PIECE):
            if self.hub.is_cut(place):
                self.cut()
                return
            piece = body[place : min(place + PIECE, stop)]
            self.hub.count(digest, len(piece))
            self.wfile.write(piece)


class _CdnHandler(_Handler):
    """The storage behind the hub: contents by their digests, to whoever has the signed address."""

    name = "cdn"

    def answer(self) -> None:
        url = urlsplit(self.path)
        digest = url.path.rpartition("/")[2]
        body = self.hub.contents.get(digest)
        if body is None or parse_qs(url.query).get("Signature") != [digest[:8]]:
            self.reply(403, b"<Error><Code>AccessDenied</Code></Error>")
            return
        self.content(body, digest, {"ETag": f'"{digest[:32]}-2"'})


class _HubHandler(_Handler):
    """The hub itself."""

    name = "hub"

    def answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path == "/api/agent-harnesses":
            self.reply(200, b'{"harnesses": []}')
        elif path == "/api/whoami-v2":
            self._whoami()
        elif path == "/api/models":
            self.reply(200, json.dumps([{"id": name} for name in self.hub.repos][:1]).encode())
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/(.+))?", path):
            self._api(found[1], found[2], found[3] or "main")
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(found[1], found[2], found[3])
        else:
            self.refuse(404, "", "Sorry, we can't find the page you are looking for.")

    def _token(self) -> str | None:
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        return token if kind == "Bearer" else None

    def _whoami(self) -> None:
        if self._token() in (GOOD_TOKEN, KNOWN_TOKEN):
            self.reply(200, b'{"type": "user", "name": "somebody"}')
        else:
            self.refuse(401, "", "Invalid username or password.")

    def _repo(self, name: str, *, content: bool) -> Repo | None:
        """The repository, if whoever asks may see it; else that is answered."""
        token = self._token()
        if token not in (None, GOOD_TOKEN, KNOWN_TOKEN):
            self.refuse(401, "", "Invalid credentials in Authorization header")
            return None
        if name in self.hub.moved:
            self.reply(307, b"", {"Location": self.path.replace(name, self.hub.moved[name])})
            return None
        repo = self.hub.repos.get(name)
        if repo is None or (repo.private and token != GOOD_TOKEN):
            if token is None:
                self.refuse(401, "RepoNotFound", "Invalid username or password.")
            else:
                self.refuse(404, "RepoNotFound", "Repository not found")
            return None
        if content and repo.gated and token != GOOD_TOKEN:
            text = f"Access to model {name} is restricted."
            self.refuse(401 if token is None else 403, "GatedRepo", text)
            return None
        return repo

    def _api(self, name: str, kind: str | None, revision: str) -> None:
        repo = self._repo(name, content=False)
        if repo is None:
            return
        commit = repo.commit(revision)
        if commit is None:
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        elif kind == "tree":
            self._tree(repo.commits[commit], commit, name)
        else:
            siblings = [{"rfilename": file} for file in sorted(repo.commits[commit])]
            info = {
                "_id": "0" * 24, "id": name, "modelId": name, "sha": commit, "private": repo.private,
                "gated": "auto" if repo.gated else False, "disabled": False, "tags": [], "downloads": 0,
                "likes": 0, "createdAt": "2025-01-01T00:00:00.000Z", "siblings": siblings,
            }  # fmt: skip
            self.reply(200, json.dumps(info).encode(), {"Content-Type": "application/json"})

    def _tree(self, files: Mapping[str, bytes], commit: str, name: str) -> None:
        """A page of a listing: folders and files in one list, the next page in a Link header."""
        folders = sorted({file.rpartition("/")[0] for file in files} - {""})
        entries: list[dict[str, Any]] = [
            {"type": "directory", "oid": "0" * 40, "size": 0, "path": folder} for folder in folders
        ]
        entries += [self._entry(file, content) for file, content in sorted(files.items())]
        query = parse_qs(urlsplit(self.path).query)
        start = int(query.get("cursor", ["0"])[0])
        headers = {"Content-Type": "application/json"}
        if start + self.hub.page < len(entries):
            following = f"{self.hub.address}/api/models/{name}/tree/{commit}?recursive=true&cursor="
            headers["Link"] = f'<{following}{start + self.hub.page}>; rel="next"'
        page = entries[start : start + self.hub.page]
        self.reply(200, json.dumps(page).encode(), headers)

    def _entry(self, file: str, content: bytes) -> dict[str, Any]:
        entry: dict[str, Any] = {"type": "file", "path": file, "size": len(content)}
        if len(content) < self.hub.large:
            return {**entry, "oid": git_name(content)}
        large = {"oid": sha256(content), "size": len(content), "pointerSize": 135}
        return {**entry, "oid": git_name(b"pointer"), "lfs": large, "xetHash": "e" * 64}

    def _resolve(self, name: str, revision: str, file: str) -> None:
        repo = self._repo(name, content=True)
        if repo is None:
            return
        commit = repo.commit(revision)
        if commit is None:
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return
        content = repo.commits[commit].get(file)
        if content is None:
            self.refuse(404, "EntryNotFound", "Entry not found", X_Repo_Commit=commit)
            return
        if len(content) < self.hub.large:
            digest = git_name(content)
            self.content(content, digest, {"ETag": f'"{digest}"', "X-Repo-Commit": commit})
            return
        digest = sha256(content)
        address = f"{self.hub.cdn_address}/repos/{quote(name)}/{digest}?Signature={digest[:8]}"
        self.reply(
            302,
            b"",
            {
                "Location": address,
                "X-Repo-Commit": commit,
                "X-Linked-ETag": f'"{digest}"',
                "X-Linked-Size": str(len(content)),
                "ETag": f'"{digest}"',
            },
        )
