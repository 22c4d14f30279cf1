"""Work in a thread beside the one that decodes: what needs no interpreter, as to decompress and to write."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

T = TypeVar("T")

# Seconds after which a thread looks whether anybody still waits for it.
_LOOK_S: Final = 0.05


class InOrder:
    """Does one thing after the other, in a thread of its own, to the end of the block.

    What goes wrong is raised where the next thing is given to it, or at the end; nothing is done after it, nor
    after an error in the block.

    Args:
        most: that may wait.
    """

    def __init__(self, most: int) -> None:
        self._waiting: queue.Queue[Callable[[], None] | None] = queue.Queue(most)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def do(self, action: Callable[[], None]) -> None:
        """Have something done, behind all that waits."""
        if self._error is not None:
            raise self._error
        self._waiting.put(action)

    def _work(self) -> None:
        while (action := self._waiting.get()) is not None:
            if self._error is None:
                try:
                    action()
                except BaseException as error:  # noqa: BLE001 - it is raised where somebody waits
                    self._error = error
            # What it holds may be large.
            del action

    def __enter__(self) -> InOrder:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        failed, self._error = self._error, self._error or error
        self._waiting.put(None)
        self._thread.join()
        if error is None and (failed := self._error) is not None:
            raise failed


def ahead(items: Iterable[T]) -> Iterator[T]:
    """The same items, of which the next is made in another thread while one is in use."""
    made: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(1)
    over = threading.Event()

    def put(what: tuple[bool, T | BaseException | None]) -> None:
        while not over.is_set():
            try:
                made.put(what, timeout=_LOOK_S)
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for item in items:
                put((True, item))
                if over.is_set():
                    return
            put((False, None))
        except BaseException as error:  # noqa: BLE001 - it is raised where somebody waits
            put((False, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            is_item, what = made.get()
            if is_item:
                yield what  # type: ignore[misc]
            elif isinstance(what, BaseException):
                raise what
            else:
                return
            del what
    finally:
        over.set()
        thread.join()
