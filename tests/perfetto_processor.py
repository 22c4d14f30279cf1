"""Perfetto's own trace processor in a browser: the WebAssembly of an npm package, asked in SQL.

The package is the one that `.ci/perfetto-ui` fetches (Apache-2.0), an old build of Perfetto (v20.1 of 2021): what it
understands, newer ones do. It is asked as its pages ask it, by messages of trace_processor.proto through a port.
"""

from __future__ import annotations

import base64
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traceql.read.protobuf import blobs, field, message, number, submessages, text, varint

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: The unpacked package, if there is one.
PLACE = Path(os.environ["PERFETTO_UI"]) if os.environ.get("PERFETTO_UI") else None
#: Of tests that take it, where there is none.
MISSING = "there is no Perfetto: .ci/perfetto-ui FOLDER fetches it, and PERFETTO_UI names what that prints"
_ADDRESS = "http://perfetto.test/"
_APPEND, _FINALIZE, _QUERY = 1, 2, 3
_NULL, _VARINT, _DOUBLE, _TEXT = 1, 2, 3, 4
_START = """
() => {
  const channel = new MessageChannel();
  const worker = new Worker("engine_bundle.js");
  const answers = [];
  worker.onerror = (event) => answers.push("error: " + event.message);
  channel.port1.onmessage = (event) => answers.push(event.data);
  worker.postMessage({ enginePort: channel.port2 }, [channel.port2]);
  window.send = (content) => channel.port1.postMessage(Uint8Array.from(atob(content), (c) => c.charCodeAt(0)));
  window.received = () => answers.splice(0).map((one) => {
    if (typeof one === "string") throw new Error(one);
    let bytes = "";
    for (const byte of one) bytes += String.fromCharCode(byte);
    return btoa(bytes);
  });
}
"""


class Processor:
    """A trace processor that has read a file."""

    def __init__(self, browser: Browser, content: bytes) -> None:
        assert PLACE is not None
        package = PLACE
        self._page = browser.new_page()
        self._seq = 0
        self._left = b""
        page = b"<!doctype html><title>processor</title>"
        self._page.route(
            f"{_ADDRESS}**",
            lambda route: route.fulfill(
                body=(package / name).read_bytes()
                if (name := route.request.url.removeprefix(_ADDRESS))
                else page,
                content_type={"js": "text/javascript", "wasm": "application/wasm"}.get(
                    name.rpartition(".")[2], "text/html"
                ),
            ),
        )
        self._page.goto(_ADDRESS)
        self._page.evaluate(_START)
        for at in range(0, len(content), 1 << 20):
            self._asked(field(2, _APPEND) + field(101, content[at : at + (1 << 20)]))
        self._asked(field(2, _FINALIZE))

    def __enter__(self) -> Processor:
        return self

    def __exit__(self, *_: object) -> None:
        self._page.close()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of an answer."""
        names: list[str] = []
        cells: list[Any] = []
        for answer in self._asked(field(2, _QUERY) + field(103, field(1, sql))):
            for result in submessages(answer, 203):
                assert text(result, 2) is None, text(result, 2)
                names += [one.decode() for one in blobs(result, 1)]
                for batch in submessages(result, 3):
                    cells += _cells(batch)
        return (
            [tuple(cells[at : at + len(names)]) for at in range(0, len(cells), len(names))] if names else []
        )

    def _asked(self, request: bytes) -> list[dict[int, list[Any]]]:
        """The messages that answer one, the last of which says so."""
        content = field(1, field(1, self._seq) + request)
        self._seq += 1
        self._page.evaluate("(content) => window.send(content)", base64.b64encode(content).decode())
        found: list[dict[int, list[Any]]] = []
        for _ in range(6000):
            for part in self._page.evaluate("() => window.received()"):
                self._left += base64.b64decode(part)
            while (one := self._next()) is not None:
                assert text(one, 5) is None, text(one, 5)
                found.append(one)
                batches = [b for result in submessages(one, 203) for b in submessages(result, 3)]
                errors = [text(result, 2) for result in submessages(one, 203)]
                if number(one, 3) != _QUERY or any(number(b, 6) for b in batches) or any(errors):
                    return found
            self._page.wait_for_timeout(10)
        raise AssertionError("the trace processor says nothing")

    def _next(self) -> dict[int, list[Any]] | None:
        if len(self._left) < 2:
            return None
        size, at = varint(self._left, 1, len(self._left))
        if len(self._left) < at + size:
            return None
        whole, self._left = self._left[at : at + size], self._left[at + size :]
        return message(whole)


def _cells(batch: dict[int, list[Any]]) -> list[Any]:
    kinds, whole = (_packed(batch, 1), iter(_packed(batch, 2)))
    doubles = iter(struct.unpack(f"<{len(d) // 8}d", d) if (d := b"".join(blobs(batch, 3))) else ())
    texts = iter("".join(t.decode() for t in blobs(batch, 5)).split("\0"))
    of = {
        _NULL: lambda: None,
        _VARINT: lambda: next(whole),
        _DOUBLE: lambda: next(doubles),
        _TEXT: lambda: next(texts),
    }
    return [of[kind]() for kind in kinds]


def _packed(batch: dict[int, list[Any]], name: int) -> list[int]:
    content, at, found = b"".join(blobs(batch, name)), 0, []
    while at < len(content):
        value, at = varint(content, at, len(content))
        found.append(value - (1 << 64) if value >> 63 else value)
    return found
