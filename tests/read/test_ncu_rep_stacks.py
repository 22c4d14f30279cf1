"""Stacks of calls are what ncu's own page prints, and what is not known of a frame is None."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import ncu_rep_file as rep
from shipped import EXPECTED

from traceql.read import ncu_rep
from traceql.read.base import no_progress
from traceql.read.ncu_rep import stacks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# As `ncu --page raw` prints a frame; a native one goes on with "of MODULE".
NATIVE = re.compile(r"#(\d+) 0x([0-9a-f]+)(?: in (.+))?")
PYTHON = re.compile(r'#(\d+) File "(.+)", line (\d+), in (.+)')


def read(path: Path) -> list[dict[str, object]]:
    table = ncu_rep.read(path, wanted=None, progress=no_progress).tables["ncu_stacks"]
    rows: list[dict[str, object]] = table.to_pylist()
    return rows


def printed(page: str) -> list[dict[str, object]]:
    """The frames of a page, in its order of workloads; its Python stacks end with the innermost call."""
    rows: list[dict[str, object]] = []
    action, python = -1, list[dict[str, object]]()
    for line in (each.strip() for each in page.splitlines()):
        frame: dict[str, object] = dict.fromkeys(
            ("action", "kind", "depth", "function", "file", "line", "module", "address")
        )
        if found := NATIVE.fullmatch(line):
            frame |= {"kind": "native", "depth": int(found[1]), "address": int(found[2], 16)}
            rows.append(frame | {"action": action, "function": found[3]})
        elif found := PYTHON.fullmatch(line):
            python.append(frame | {"action": action, "kind": "python", "file": found[2], "line": int(found[3]), "function": found[4]})  # fmt: skip
        elif line.startswith("of "):
            rows[-1]["module"] = line.removeprefix("of ")
        else:
            rows.extend(each | {"depth": depth} for depth, each in enumerate(reversed(python)))
            python.clear()
            action += ", Context " in line
    rows.extend(each | {"depth": depth} for depth, each in enumerate(reversed(python)))
    return rows


def test_every_frame_is_the_one_that_ncu_prints(unpacked: Callable[[str], Path]) -> None:
    expected = printed((EXPECTED / "ncu_stacks" / "call_stacks.txt").read_text("utf-8"))
    assert {row["kind"] for row in expected} == {"native", "python"} and len(expected) == 236
    assert read(unpacked("call_stacks.ncu-rep.xz")) == expected


def test_native_frames_have_lines_where_the_program_has(unpacked: Callable[[str], Path]) -> None:
    rows = read(unpacked("call_stacks_lines.ncu-rep.xz"))
    # The lines of the launches in profiled_ranges.cu.
    assert [row["line"] for row in rows if row["function"] == "main"] == [31, 32, 31, 32]
    assert {row["kind"] for row in rows} == {"native"}


def test_what_is_not_known_is_none() -> None:
    unknown = rep.message((1, rep.message((1, ""), (2, 0), (3, ""), (4, ""), (5, 0))))
    assert list(stacks.frames([unknown], "python")) == [("python", 0, None, None, None, None, None)]
    high = rep.message((1, rep.message((1, "[vsyscall]"), (2, 2**64 - 2))))
    assert list(stacks.frames([high], "native")) == [("native", 0, None, None, None, "[vsyscall]", -2)]


def test_parts_of_a_stack_are_one_stack() -> None:
    parts = [rep.message((1, rep.message((1, name), (2, 1)))) for name in ("a", "b")]
    assert [(row[1], row[5]) for row in stacks.frames(parts, "native")] == [(0, "a"), (1, "b")]
    assert list(stacks.frames([b""], "native")) == []
