"""What another thread does before somebody wants it."""

from __future__ import annotations

from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future

P = ParamSpec("P")


class Ahead:
    """Work by a key, in the context in which it was begun; each is taken once."""

    def __init__(self) -> None:
        self._begun: dict[object, Future[Any]] = {}

    def begin(
        self, threads: Executor, key: object, work: Callable[P, object], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Have `work` done in one of the threads."""
        self._begun[key] = threads.submit(partial(copy_context().run, work, *args, **kwargs))

    def taken(self, key: object) -> Future[Any] | None:
        """What will be its result; None where no thread has come to it: whoever wants it does it himself."""
        one = self._begun.pop(key, None)
        return None if one is None or one.cancel() else one
