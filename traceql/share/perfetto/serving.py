"""A file for Perfetto on loopback, with a page that hands it over to Perfetto's own pages in the browser.

Only this machine is served, and of it only who knows an address: that which is told is good for once, for
others on the machine may see it among the arguments of a browser, and leads to one that only this browser is
told. Nothing is listed, nothing may be asked by pages from elsewhere (no header allows it, and names other
than loopback's own are refused, to which somebody may have pointed theirs), and nothing can be sent.

The page (``page/``) has Perfetto's pages in a frame, from https://ui.perfetto.dev or from a folder, which
then are served, too, and can reach nothing else. What passes between both is written down in
https://perfetto.dev/docs/visualization/embedding-api-reference.
"""

from __future__ import annotations

import io
import json
import os
import re
import secrets
import shutil
import socketserver
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode

from traceql.errors import TraceqlError
from traceql.share import perfetto

if TYPE_CHECKING:
    from collections.abc import Sequence
    from email.message import Message

    from traceql.ask.answer import Asker
    from traceql.share.perfetto import Written

#: Where Perfetto's pages are.
UI = "https://ui.perfetto.dev"

_LOOPBACK = "127.0.0.1"
# What browsers call it: a name that somebody else has given it is refused.
_HOSTS = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?", re.IGNORECASE)
# No more fits into what a page has from a server in one piece.
_MOST_BYTES = 2_000_000_000
_SILENT_SECONDS = 60
_PAGE = {"": "page.html", "page.js": "page.js", "page.css": "page.css"}
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}
_BYTES = "application/octet-stream"
_OPENED = "This address was good for once, and has been opened. Another one: traceql view.\n"
_OF_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self';"
    " frame-src {}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Perfetto's pages make code and styles as they run, but reach nothing but what they came with.
_OF_UI = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' data: blob:; object-src 'none';"
    " base-uri 'self'; form-action 'none'; frame-ancestors 'self'"
)
_ALWAYS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    # The address is a secret.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Shown:
    """What is shown.

    Attributes:
        file: the trace.
        title: as Perfetto's pages have it.
        place: what they show first, in nanoseconds since 1970; None for all.
    """

    file: Path
    title: str
    place: tuple[int, int] | None = None


class _Bounded(io.BufferedWriter):
    """Takes what a browser takes."""

    left = _MOST_BYTES

    def write(self, content: Any, /) -> int:
        self.left -= len(content)
        if self.left < 0:
            raise TraceqlError(
                f"more than {_MOST_BYTES / 1e9:g} GB of trace, which no browser takes in one piece",
                "Show less of it: --only, with --from, --to or --within. Or write it with traceql export, "
                "and let Perfetto's trace_processor --httpd read it.",
            )
        return super().write(content)


def write(ask: Asker, traces: Sequence[str], file: Path, *, only: bool, **where: Any) -> Written:
    """Write timelines into a new file that is to be shown: for its owner alone; else as `perfetto.write`.

    Raises:
        TraceqlError: it cannot be written, or a browser does not take as much.
    """
    try:
        raw = io.FileIO(file, "x", opener=lambda path, flags: os.open(path, flags, 0o600))
        with _Bounded(raw) as bounded:
            return perfetto.write(ask, traces, bounded, only=only, **where)
    except OSError as error:
        raise TraceqlError(
            f"{file}: cannot be written ({error.strerror or error})",
            "Name a folder with more room in TMPDIR, or show less: --only, with --within.",
        ) from error


def folder_of_ui(folder: Path) -> Path:
    """Where a copy of Perfetto's pages really lies.

    Raises:
        TraceqlError: none is there.
    """
    if not (folder / "index.html").is_file():
        raise TraceqlError(
            f"{folder}: no copy of Perfetto's pages, for it has no index.html",
            "Name the folder that Perfetto's ui/build makes: see docs/perfetto.md.",
        )
    return folder.resolve()


class Server(socketserver.ThreadingTCPServer):
    """Listens on loopback from its beginning, and answers when `serve_forever` is called; a context manager.

    Args:
        port: 0 for any that is free.
        ui: folder with Perfetto's pages; None for `UI`.

    Raises:
        TraceqlError: the port is taken.
    """

    daemon_threads = True
    # A request that lasts keeps nobody from ending, and others from nothing.
    block_on_close = False
    request_queue_size = 128
    # Elsewhere another program could listen at the same time.
    allow_reuse_address = os.name == "posix"
    shown: Shown

    def __init__(self, port: int, ui: Path | None = None) -> None:
        self.ui = ui
        self._once, self._path = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self._is_opened, self._opening = False, threading.Lock()
        try:
            super().__init__((_LOOPBACK, port), _Handler)
        except (OSError, OverflowError) as error:
            said = getattr(error, "strerror", None) or error
            raise TraceqlError(
                f"port {port}: cannot be used ({said})", "Name another with --port, or none for any."
            ) from error
        self.port: int = self.server_address[1]
        #: What is to be opened, once.
        self.address = f"http://{_LOOPBACK}:{self.port}/{self._once}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked has gone: nobody is to be told."""

    def answer(self, path: str) -> Answer:
        """What is at a path."""
        first, *rest = path.partition("?")[0].removeprefix("/").split("/")
        if rest == [""] and secrets.compare_digest(first.encode(), self._once.encode()):
            with self._opening:
                opened_before, self._is_opened = self._is_opened, True
            if opened_before:
                return Answer(HTTPStatus.GONE, _OPENED.encode(), kind=_TYPES[".txt"])
            return Answer(HTTPStatus.SEE_OTHER, headers={"Location": f"/{self._path}/"})
        if not secrets.compare_digest(first.encode(), self._path.encode()):
            return Answer(HTTPStatus.NOT_FOUND)
        match rest:
            case ["about.json"]:
                return Answer(content=json.dumps(self._about()).encode(), kind=_TYPES[".json"])
            case ["trace"]:
                return Answer(file=self.shown.file)
            case [name] if name in _PAGE:
                frames = UI if self.ui is None else "'self'"
                content = (resources.files(__package__) / "page" / _PAGE[name]).read_bytes()
                return Answer(
                    content=content,
                    kind=_TYPES[Path(_PAGE[name]).suffix],
                    headers={"Content-Security-Policy": _OF_PAGE.format(frames)},
                )
            case ["ui", *names] if self.ui is not None and (found := _file_in(self.ui, names)):
                return Answer(
                    file=found,
                    kind=_TYPES.get(found.suffix.lower(), _BYTES),
                    headers={"Content-Security-Policy": _OF_UI},
                )
        return Answer(HTTPStatus.NOT_FOUND)

    def _about(self) -> dict[str, str]:
        place = self.shown.place
        at = "" if place is None else f"#!/?{urlencode({'visStart': place[0], 'visEnd': place[1]})}"
        return {"title": self.shown.title, "ui": f"{UI}/{at}" if self.ui is None else f"ui/{at}"}


@dataclass(frozen=True)
class Answer:
    """What is sent: bytes, or those of a file."""

    status: HTTPStatus = HTTPStatus.OK
    content: bytes = b""
    file: Path | None = None
    kind: str = _BYTES
    headers: dict[str, str] | None = None


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = _SILENT_SECONDS

    def do_GET(self) -> None:
        """The only method."""
        if not _is_ours(self.headers):
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        answer = self.server.answer(self.path)
        if answer.status is HTTPStatus.NOT_FOUND:
            self.send_error(answer.status)
            return
        if answer.file is None:
            self._send(answer, len(answer.content))
            self.wfile.write(answer.content)
            return
        with answer.file.open("rb") as file:
            self._send(answer, os.fstat(file.fileno()).st_size)
            shutil.copyfileobj(file, self.wfile)

    def _send(self, answer: Answer, size: int) -> None:
        self.send_response(answer.status)
        for name, value in {**_ALWAYS, **(answer.headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(size))
        self.end_headers()

    def send_error(self, code: int, *_: str | None) -> None:
        """In the same words whatever was asked, of which nothing is repeated."""
        status = HTTPStatus(code)
        headers = {}
        if status is HTTPStatus.NOT_IMPLEMENTED:
            status, headers = HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET"}
        answer = Answer(status, f"{status.phrase}\n".encode(), kind=_TYPES[".txt"], headers=headers)
        self._send(answer, len(answer.content))
        self.wfile.write(answer.content)

    def version_string(self) -> str:
        """No versions."""
        return "traceql"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Says nothing."""


def _is_ours(headers: Message) -> bool:
    """Whether a browser asks for itself or for our own page: under no other's name, and for nobody else."""
    hosts = headers.get_all("Host", [])
    if len(hosts) != 1 or _HOSTS.fullmatch(hosts[0]) is None:
        return False
    # What a browser fetches ahead may never be shown, and the address is good for once.
    if "prefetch" in headers.get("Sec-Purpose", headers.get("Purpose", "")):
        return False
    return headers.get("Origin", f"http://{hosts[0]}") == f"http://{hosts[0]}"


def _file_in(folder: Path, names: Sequence[str]) -> Path | None:
    """The file of a path below a folder, and nothing outside of it, wherever links lead."""
    parts = [unquote(name) for name in names]
    if parts == [""]:
        parts = ["index.html"]
    if any(part in ("", ".", "..") or set(part) & set("/\\:\0") for part in parts):
        return None
    try:
        found = folder.joinpath(*parts).resolve()
        return found if found.is_relative_to(folder) and found.is_file() else None
    except (OSError, ValueError):
        return None
