"""A file of speedscope holds what the flame graph has, and speedscope opens it with the same numbers."""

from __future__ import annotations

import contextlib
import functools
import http.server
import io
import json
import os
import re
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsers import chromium
from click.testing import CliRunner
from made.nsys import Recording
from shipped import REPORTS

import traceql
from traceql.cli import cli
from traceql.errors import MissingDataError, TraceqlError
from traceql.share import speedscope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traceql import Database

SPEEDSCOPE = os.environ.get("SPEEDSCOPE")
MAIN = "main@/bin/app"


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database of a training loop whose CPUs and Python were sampled."""
    with traceql.open(tmp_path_factory.mktemp("sampled") / "t.duckdb") as database:
        database.ingest(REPORTS / "sampled_loop.nsys-rep.xz", name="sampled_loop")
        yield database


def recorded() -> Recording:
    return (
        Recording()
        .process(1, "/bin/app")
        .thread(1, "main")
        .cpu_sample(30, "work@/bin/app", MAIN)
        .cpu_sample(10, MAIN)
        .cpu_sample(20, "@/lib/libm.so.6", "work@/bin/app", MAIN)
        .cpu_sample(15, tid=2)
        .python_sample(40, "step@/x/train.py:7", "run@/x/train.py:9")
        .range("step", 0, 25)
    )


def written(database: Database, **where: Any) -> dict[str, Any]:
    file = io.BytesIO()
    speedscope.write(database._asker, ["made"], file, **where)
    return json.loads(file.getvalue())


def test_python_writes_the_same_file(tmp_path: Path) -> None:
    sampled = recorded().database()
    path = tmp_path / "run.speedscope.json"
    done = sampled.export_speedscope(path, "made", within="step")
    assert json.loads(path.read_bytes()) == written(sampled, within="step")
    assert (done.profiles, done.samples) == (2, 3)
    for name, wrong in (
        ("run.json", "must end in .speedscope.json"),
        ("no/run.speedscope.json", "cannot be written"),
    ):
        with pytest.raises(TraceqlError, match=wrong):
            sampled.export_speedscope(tmp_path / name, "made")
    with pytest.raises(MissingDataError, match="no samples"):
        sampled.export_speedscope(path, "made", to=5)
    # The one before stays.
    assert json.loads(path.read_bytes())["name"] == "made"


def stacks(told: dict[str, Any], number: int) -> list[str]:
    """The samples of a profile, each as functions joined by ;."""
    names = [frame["name"] for frame in told["shared"]["frames"]]
    return [";".join(names[one] for one in sample) for sample in told["profiles"][number]["samples"]]


def test_each_thread_has_a_profile_with_its_samples_in_the_order_of_time() -> None:
    told = written(recorded().database())
    assert told["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    assert [profile["name"] for profile in told["profiles"]] == [
        "made: CPU samples of main thread 1, app process 1",
        "made: CPU samples of thread 2, app process 1",
        "made: Python samples of main thread 1, app process 1",
    ]
    assert stacks(told, 0) == ["main", "main;work;[libm.so.6]", "main;work"]
    assert stacks(told, 1) == ["[no stack]"]
    assert stacks(told, 2) == ["run (train.py);step (train.py)"]
    assert {frame["name"]: frame.get("file") for frame in told["shared"]["frames"]} == {
        "main": "/bin/app",
        "work": "/bin/app",
        "[libm.so.6]": "/lib/libm.so.6",
        "[no stack]": None,
        "run (train.py)": "/x/train.py",
        "step (train.py)": "/x/train.py",
    }
    for profile in told["profiles"]:
        assert profile["type"] == "sampled"
        assert profile["unit"] == "none"
        assert profile["weights"] == [1] * len(profile["samples"])
        assert (profile["startValue"], profile["endValue"]) == (0, len(profile["samples"]))


def test_a_stretch_of_time_and_a_range_leave_out_the_others() -> None:
    database = recorded().database()
    assert stacks(written(database, **{"from": 15, "to": 25}), 0) == ["main;work;[libm.so.6]"]
    told = written(database, within="step")
    assert [len(profile["samples"]) for profile in told["profiles"]] == [2, 1]


def test_without_samples_it_is_said_what_records_them() -> None:
    database = Recording().call("cudaMalloc", 0, 5).database()
    with pytest.raises(MissingDataError, match="no cpu_samples or python_samples") as caught:
        written(database)
    assert "--sample=process-tree" in caught.value.remedy
    with pytest.raises(MissingDataError, match="no samples of CPUs or Python there"):
        written(recorded().database(), **{"from": 1000})


@pytest.mark.long
def test_it_has_as_many_samples_of_each_place_as_the_flame_graph(sampled: Database, tmp_path: Path) -> None:
    told = written_to(sampled, tmp_path)
    for kind, word in (("cpu", "CPU"), ("python", "Python")):
        mine: Counter[str] = Counter()
        for number, profile in enumerate(told["profiles"]):
            if f": {word} samples" in profile["name"]:
                for stack in stacks(told, number):
                    path = stack.split(";")
                    mine.update(";".join(path[: level + 1]) for level in range(len(path)))
        answer = sampled.query("cpu_flame_graph", samples=kind)
        assert mine == dict(zip(answer["path"], answer["total_samples"], strict=True))
        assert answer.filter(stack_level=1)["total_samples"].sum() == {"cpu": 600, "python": 150}[kind]


@pytest.mark.long
def test_speedscope_opens_it_with_the_same_numbers(sampled: Database, tmp_path: Path) -> None:
    if SPEEDSCOPE is None:
        pytest.skip("SPEEDSCOPE names no folder: .ci/speedscope fetches it")
    told = written_to(sampled, tmp_path)
    with served(Path(SPEEDSCOPE)) as pages, served(tmp_path) as files, chromium() as browser:
        page = browser.new_page()
        failed: list[str] = []
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.goto(f"{pages}/index.html#profileURL={files}/run.speedscope.json")
        page.get_by_text(f"{told['profiles'][0]['name']} (1/{len(told['profiles'])})").wait_for()
        # Its table of functions: samples in all, and by itself.
        page.keyboard.press("3")
        page.get_by_text("Symbol Name").wait_for()
        text = page.locator("body").inner_text().partition("Symbol Name")[2]
    assert not failed
    shown = {
        name: (int(total), int(own))
        for total, own, name in re.findall(r"([\d,]+) \(\S+\)\s+([\d,]+) \(\S+\)\s+(\S.*)", text)
    }
    totals: Counter[str] = Counter()
    own: Counter[str] = Counter()
    for path in (stack.split(";") for stack in stacks(told, 0)):
        totals.update(set(path))
        own[path[-1]] += 1
    assert shown == {name: (count, own[name]) for name, count in totals.items()}
    assert len(shown) > 3


def written_to(database: Database, folder: Path) -> dict[str, Any]:
    """What the command writes."""
    path = folder / "run.speedscope.json"
    done = CliRunner().invoke(cli, ["export", "--db", database.path, "sampled_loop", "-o", str(path)])
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(path.read_bytes())
    samples = sum(len(profile["samples"]) for profile in told["profiles"])
    assert f"{samples:,} samples of {len(told['profiles']):,} threads" in done.stderr
    return told


class _Shared(http.server.SimpleHTTPRequestHandler):
    """Files that pages of another origin may read, too."""

    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder on loopback."""
    handler = functools.partial(_Shared, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
