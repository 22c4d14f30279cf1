"""The threads of a page: what they are told is done in order, with its errors, and ends with the page."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from made.nsys import Recording, kernel
from made.store import empty

from traceql.ask.answer import Once
from traceql.errors import QueryError
from traceql.present import units
from traceql.report import drawing

if TYPE_CHECKING:
    from traceql import Database

# Hours of work.
ENDLESS = (
    "SELECT count(*) FROM range(10000000) AS a(x), range(10000000) AS b(y) WHERE (x * y) % 7 = hash(x) % 5"
)
LAUNCH = "cudaLaunchKernel_v7000"


@pytest.fixture
def database() -> Database:
    made = empty()
    Recording().call(LAUNCH, 0, 10, kernel("gemm", 10, 40)).store(made, "run")
    return made


def test_things_are_drawn_in_the_order_in_which_they_were_begun_by_one_thread() -> None:
    drawn: list[tuple[int, int]] = []
    with drawing.begun() as drawer:
        waiting = [
            drawer.begin(lambda number: drawn.append((number, threading.get_ident())), number)
            for number in range(20)
        ]
        for one in reversed(waiting):
            one()
    assert [number for number, _ in drawn] == list(range(20))
    assert len({thread for _, thread in drawn} | {threading.get_ident()}) == 2


def test_what_drawing_raises_is_raised_where_it_is_waited_for() -> None:
    def refused() -> None:
        raise QueryError("too much for one picture")

    with drawing.begun() as drawer:
        one = drawer.begin(refused)
        assert drawer.begin(lambda: "drawn")() == "drawn"
        with pytest.raises(QueryError, match="too much for one picture"):
            one()


def test_what_is_drawn_knows_the_titles_that_were_given_where_it_was_begun() -> None:
    with drawing.begun() as drawer:
        with units.named({"time_ns": "Time of waiting"}):
            one = drawer.begin(units.title, "time_ns")
        assert one() == "Time of waiting"
        assert drawer.begin(units.title, "time_ns")() != "Time of waiting"


def test_what_is_asked_ahead_is_drawn_at_once_and_taken_by_whoever_comes_first() -> None:
    asked: list[tuple[str, int]] = []
    drawn = threading.Event()

    with drawing.begun() as drawer, drawing.thread("asking") as threads:

        def ask(name: str) -> drawing.Begun[str]:
            asked.append((name, threading.get_ident()))
            return drawer.begin(lambda: drawn.set() or name)

        drawer.ahead(threads, "first", ask, "one")
        # Before anybody wants it.
        assert drawn.wait(60)
        busy = threading.Event()
        threads.submit(busy.wait)
        drawer.ahead(threads, "second", ask, "two")
        assert drawer.taken("second") is None
        first = drawer.taken("first")
        assert first is not None
        assert first() == "one"
        assert drawer.taken("first") is None
        busy.set()
        other = threads.submit(threading.get_ident).result()
    assert asked == [("one", other)]


def test_an_error_ends_what_is_asked_ahead_of_it(database: Database) -> None:
    once = Once(database._asker)
    begun = threading.Event()
    done: list[str] = []

    def endless() -> None:
        begun.set()
        once.store.run(ENDLESS)
        done.append("answered")

    with pytest.raises(ZeroDivisionError), drawing.thread("asking") as threads:
        first, second = threads.submit(endless), threads.submit(done.append, "begun")
        assert begun.wait(60)
        # So that the database is at it.
        time.sleep(0.2)
        raise ZeroDivisionError
    assert isinstance(first.exception(60), QueryError)
    assert second.cancelled()
    assert not done
    # Who closes it does not wait for anybody.
    database.close()
