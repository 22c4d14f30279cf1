"""What is drawn while the next question is being answered, as that lets go of Python most of the time.

One thread draws for a page, in the order in which it is told to: a page is the same every time.
"""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, ParamSpec, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")
T = TypeVar("T")

#: Waits for what was begun, and returns it, or raises what that has raised.
Begun: TypeAlias = "Callable[[], T]"


class Drawer:
    """Draws one thing after the other, in a thread of its own."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    def begin(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Begun[T]:
        """Have something drawn, in the context in which that is said."""
        context = copy_context()
        return self._threads.submit(lambda: context.run(work, *args, **kwargs)).result


@contextlib.contextmanager
def begun() -> Iterator[Drawer]:
    """Who draws for a page; what is not drawn at its end, as an error has ended it, is nobody's any more."""
    threads = ThreadPoolExecutor(1, "drawing")
    drawer = Drawer(threads)
    # While the first questions are being answered.
    drawer.begin(_prepare)
    try:
        yield drawer
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def _prepare() -> None:
    from traceql.draw import charts, render  # noqa: F401
