"""Work in a thread beside the one that decodes: what hardly needs the interpreter, as to send rows."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class InOrder:
    """Does one thing after the other, in a thread of its own, to the end of the block.

    What goes wrong is raised where the next thing is given to it, or at the end; nothing is done after it,
    nor after an error in the block.

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
