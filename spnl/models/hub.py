"""Asks a hub of models: which files a repository holds, and for their bytes.

`huggingface_hub` knows the token, the proxies and the certificates, and lends its HTTP client; it is imported
when something must be asked, never before. What it would do with the answers is done here, because it bounds
none of them: the size of a listing, the number of its pages, how long a wait may be. (Redirects are bounded
by the client, to 20, and so are headers, to 100 kB. It sends the token to the host that was asked only.)

What comes from a hub is data: names that could leave a folder, digests that are none and sizes below nothing
are left out or refused here, so that nobody behind this module has to ask again.

The addresses are those of the hub's API (`/api/models/REPO/revision/REV`, `/api/models/REPO/tree/COMMIT`) and
of its files (`/REPO/resolve/COMMIT/FILE`). Imports frozen records and the other modules about the hub.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from spnl.frozen import Frozen
from spnl.models.hub_failures import HubRefusal, Unavailable, malformed, unsendable_token
from spnl.models.patience import Patience
from spnl.models.progress import Progress
from spnl.version import __version__

if TYPE_CHECKING:
    from httpx2 import Response

MOST_FILES = 50_000
MOST_PAGES = 200
MOST_BYTES = 32 * 1024 * 1024
"""The largest answer that is no file of a model: a page of a listing has some 300 kB."""

_BUSY = (408, 425, 429, 500, 502, 503, 504)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_UNSAFE_NAME = re.compile(r"[\x00-\x1f\x7f\\:]|(^|/)\.{0,2}(/|$)")


class HubFile(Frozen):
    """A file of a repository: its name with `/`, its size in bytes, and its digest.

    The digest has 64 digits where it is the SHA-256 of the content, and 40 where it is git's name of it.
    """

    name: str
    size: int
    digest: str


class Listing(Frozen):
    """What a repository held at a commit."""

    repo: str
    commit: str
    files: tuple[HubFile, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all files."""
        return tuple(file.name for file in self.files)


class Hub:
    """A hub, asked with the token and the client of `huggingface_hub`.

    `timeout` is how many seconds each step of a request may take, where that is not left to the user's
    settings for Hugging Face. Methods raise `HubRefusal` where the hub says no, and `ModelError`
    `hub-unreachable` where it does not answer, however often it is asked.
    """

    def __init__(
        self, environ: Mapping[str, str], progress: Progress, *, timeout: float | None = None
    ) -> None:
        from huggingface_hub import constants, get_token

        self.address = (environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")
        self._progress = progress
        self._timeout = timeout or float(constants.HF_HUB_DOWNLOAD_TIMEOUT)
        token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
        self._headers = {"user-agent": f"spnl/{__version__}", "accept-encoding": "identity"}
        if token is not None:
            if not (token.isascii() and token.isprintable()):
                raise unsendable_token()
            self._headers["authorization"] = f"Bearer {token}"

    @property
    def has_token(self) -> bool:
        """Whether the user is logged in."""
        return "authorization" in self._headers

    @property
    def host(self) -> str:
        """The hub's name, for people."""
        return urlsplit(self.address).netloc or self.address

    def patience(self) -> Patience:
        """How long to go on asking, with what the user is told meanwhile."""
        return Patience(self.host, self._progress)

    def greet(self) -> None:
        """Ask once for little: whose the token is, or for one model. May raise `Unavailable`, too."""
        what = "/api/whoami-v2" if self.has_token else "/api/models?limit=1"
        with self.open(self.address + what) as response:
            self._parsed(self._body(response))

    def listing(self, repo: str, revision: str) -> Listing:
        """The files of a repository at a branch, a tag or a commit."""
        info = self._json(f"/api/models/{repo}/revision/{quote(revision, safe='')}")
        commit = info.get("sha") if isinstance(info, dict) else None
        if not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
            raise malformed(self.host, f"it names no commit of {repo}")
        return Listing(repo, commit, tuple(self._files(repo, commit)))

    def read(self, repo: str, commit: str, name: str) -> bytes:
        """A small file."""
        return self._bytes(self.file_address(repo, commit, name))

    def file_address(self, repo: str, commit: str, name: str) -> str:
        """Where the bytes of a file are asked for."""
        return f"{self.address}/{repo}/resolve/{commit}/{quote(name)}"

    @contextmanager
    def open(self, address: str, start: int = 0, stop: int | None = None) -> Iterator[Response]:
        """The answer to a request for an address, or for its bytes from `start` on and before `stop`.

        Its body is read while it comes.

        Asks once: raises `Unavailable` where it may be worth asking again. That may be in the body too.
        """
        import httpx2
        from huggingface_hub import get_session

        headers = dict(self._headers)
        if start or stop is not None:
            headers["range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        try:
            with get_session().stream(
                "GET", address, headers=headers, timeout=self._timeout, follow_redirects=True
            ) as response:
                self._require_success(response)
                yield response
        except httpx2.TimeoutException:
            raise Unavailable("it does not answer", connected=False) from None
        except httpx2.ConnectError as error:
            raise Unavailable(f"it cannot be reached: {_reason(error)}", connected=False) from None
        except httpx2.NetworkError:
            raise Unavailable("the connection was cut") from None
        except httpx2.RemoteProtocolError:
            raise Unavailable("the connection was cut") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            # Not its text: that of a header which cannot be sent holds the header, and so the token.
            raise HubRefusal(0, "", f"the request cannot be made ({type(error).__name__})") from None

    def _require_success(self, response: Response) -> None:
        status = response.status_code
        if status in _BUSY:
            raise Unavailable(f"HTTP {status}", after=_seconds(response.headers.get("retry-after")))
        if status >= 400:
            headers = response.headers
            raise HubRefusal(status, headers.get("x-error-code", ""), headers.get("x-error-message", ""))

    def _files(self, repo: str, commit: str) -> Iterator[HubFile]:
        """The files of a commit, from as many pages as the hub makes of them."""
        address = f"{self.address}/api/models/{repo}/tree/{commit}?recursive=true"
        count = 0
        for _ in range(MOST_PAGES):
            page, next_address = self._page(address)
            if not isinstance(page, list):
                raise malformed(self.host, f"it lists no files of {repo}")
            for entry in page:
                file = _file(entry)
                if file is not None:
                    count += 1
                    yield file
            if next_address is None or count > MOST_FILES:
                break
            address = next_address
        else:
            count = MOST_FILES + 1
        if count > MOST_FILES:
            raise malformed(self.host, f"it lists more than {MOST_FILES:,} files of {repo}")

    def _page(self, address: str) -> tuple[Any, str | None]:
        """One page of a listing, and the address of the next, which must be the same hub's."""
        links: list[str | None] = []
        body = self._bytes(address, links)
        following = urljoin(address, links[0]) if links and links[0] else None
        if following is not None and urlsplit(following)[:2] != urlsplit(address)[:2]:
            raise malformed(self.host, "its listing continues at another host")
        return self._parsed(body), following

    def _json(self, path: str) -> Any:
        return self._parsed(self._bytes(self.address + path))

    def _parsed(self, body: bytes) -> Any:
        import json

        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise malformed(self.host, "it is no JSON") from None

    def _bytes(self, address: str, links: list[str | None] | None = None) -> bytes:
        """The whole of an answer; `links` is given the address of the next page."""
        patience = self.patience()
        while True:
            try:
                with self.open(address) as response:
                    body = self._body(response)
                    if links is not None:
                        links.append(response.links.get("next", {}).get("url"))
                    return body
            except Unavailable as reason:
                patience.wait(reason)

    def _body(self, response: Response) -> bytes:
        """What an answer holds, if that is not too much."""
        body = bytearray()
        for piece in response.iter_bytes():
            body += piece
            if len(body) > MOST_BYTES:
                raise malformed(self.host, "it is too large")
        return bytes(body)


def _file(entry: Any) -> HubFile | None:
    """An entry of a listing; None for a folder, and for what cannot be a file here."""
    if not isinstance(entry, dict) or entry.get("type") != "file":
        return None
    large = entry.get("lfs")
    source = large if isinstance(large, dict) else entry
    name, size, digest = entry.get("path"), source.get("size"), source.get("oid")
    if not (isinstance(name, str) and isinstance(digest, str) and isinstance(size, int)):
        return None
    if _UNSAFE_NAME.search(name) or len(os.fsencode(name)) > 1024 or not _DIGEST.fullmatch(digest):
        return None
    return HubFile(name, size, digest) if size >= 0 else None


def _seconds(text: str | None) -> float | None:
    """What Retry-After says, where it is a number; dates are taken for no answer."""
    return float(text) if text is not None and re.fullmatch(r"\s*[0-9]{1,9}\s*", text) else None


def _reason(error: Exception) -> str:
    """What the system says of a connection that failed, without the number that it begins with."""
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)).lower() or "unknown reason"
