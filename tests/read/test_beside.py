"""Things done one after the other in a thread of its own."""

from __future__ import annotations

import threading

import pytest

from traceql.read.beside import InOrder


def test_things_are_done_in_order_and_all_before_the_block_ends() -> None:
    done: list[int] = []
    with InOrder(1) as thread:
        for number in range(50):
            thread.do(lambda number=number: done.append(number))
    assert done == list(range(50))


def test_an_error_is_raised_where_the_next_thing_is_given_or_at_the_end_and_nothing_follows_it() -> None:
    done: list[str] = []

    def fail() -> None:
        raise MemoryError("no more")

    with pytest.raises(MemoryError, match="no more"), InOrder(1) as thread:
        thread.do(fail)
        for _ in range(10):
            thread.do(lambda: done.append("after"))
    with pytest.raises(MemoryError, match="no more"), InOrder(1) as thread:
        thread.do(fail)
    assert done == []


def test_after_an_error_in_the_block_nothing_more_is_done() -> None:
    done: list[str] = []
    going, go = threading.Event(), threading.Event()

    def wait() -> None:
        going.set()
        go.wait(10)

    with pytest.raises(ValueError, match="mine"), InOrder(2) as thread:
        thread.do(wait)
        thread.do(lambda: done.append("after"))
        going.wait(10)
        threading.Timer(0.05, go.set).start()
        raise ValueError("mine")
    assert done == []
