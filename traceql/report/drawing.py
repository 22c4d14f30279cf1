"""Threads of a page: one draws what was answered while the next is being asked, one asks a part of it ahead.

Asking lets go of Python most of the time. Each thread does what it is told in the order in which it is told.
What one thread asks ahead it has drawn at once; where a figure stands is said by whoever wants it, so that a
page is the same every time.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

from traceql.ask.ahead import Ahead
from traceql.report import page
from traceql.store import interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor

P = ParamSpec("P")
T = TypeVar("T")

#: Waits for what was begun, and returns it, or raises what that has raised.
Begun: TypeAlias = "Callable[[], T]"


class Drawer:
    """Draws one thing after the other, in a thread of its own."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads
        self._ahead = Ahead()

    def begin(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Begun[T]:
        """Have something drawn, in the context in which that is said."""
        context = copy_context()
        return self._threads.submit(lambda: context.run(work, *args, **kwargs)).result

    def ahead(
        self, threads: Executor, key: object, work: Callable[P, Begun[Any]], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Have something asked in another thread that is then drawn: `work` returns what waits for that."""
        self._ahead.begin(threads, key, work, *args, **kwargs)

    def taken(self, key: object) -> Begun[Any] | None:
        """What waits for that; None where no thread has come to it: whoever asks does it himself."""
        one = self._ahead.taken(key)
        return None if one is None else lambda: one.result()()

    def prepare(self) -> None:
        """Load what draws and writes, once questions are being asked: else it would hold them up."""
        self.begin(importlib.import_module, "traceql.draw.render")
        self.begin(page.template)


@contextlib.contextmanager
def begun() -> Iterator[Drawer]:
    """Who draws for a page, until its end."""
    with thread("drawing") as threads:
        yield Drawer(threads)


@contextlib.contextmanager
def thread(name: str) -> Iterator[ThreadPoolExecutor]:
    """A thread; what it has not done at the end, as an error has ended the rest, is nobody's any more."""
    known: list[int] = []
    threads = ThreadPoolExecutor(1, name, lambda: known.append(threading.get_ident()))
    try:
        yield threads
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        for one in known:
            interrupts.end(one)
