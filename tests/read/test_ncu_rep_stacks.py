"""Which text of a frame is the function, and which its file: whatever their order, by what those of a stack look like."""

from __future__ import annotations

import ncu_rep_file as rep
import pytest

from traceql.read.ncu_rep import stacks

SCRIPT, LIBRARY = "/src/model.py", "/usr/lib/libtorch_cuda.so.2"


def read(kind: str, *frames: dict[int, rep.Value]) -> list[tuple[str | None, str | None, str | None]]:
    """Function, source file and module of frames, each given by field; a number where there is none."""
    told = rep.message(*((1, rep.message(*({2: 7} | frame).items())) for frame in frames))
    found = list(stacks.frames([told], kind))
    assert [row[:2] for row in found] == [(kind, depth) for depth in range(len(frames))]
    return [row[2:] for row in found]


@pytest.mark.parametrize("fields", [(1, 3), (3, 1)])
def test_functions_and_files_are_told_apart_in_either_order(fields: tuple[int, int]) -> None:
    function, file = fields
    assert read("python", {function: "forward", file: SCRIPT}, {function: "<module>", file: "<string>"}, {function: "call", file: SCRIPT}) == [
        ("forward", SCRIPT, None), ("<module>", "<string>", None), ("call", SCRIPT, None),
    ]  # fmt: skip
    assert read("native", {function: "a::b(int)", file: LIBRARY}, {function: "operator/", file: "app"}, {function: "main", file: "/bin/app"}) == [
        ("a::b(int)", None, LIBRARY), ("operator/", None, "app"), ("main", None, "/bin/app"),
    ]  # fmt: skip


def test_a_path_in_the_name_of_a_function_does_not_make_it_a_file() -> None:
    lambda_ = "<lambda at /src/k.cu:7>"
    frames = [{1: lambda_, 3: LIBRARY}, {1: "f", 3: LIBRARY}, {1: "g", 3: LIBRARY}]
    assert read("native", *frames)[0] == (lambda_, None, LIBRARY)


@pytest.mark.parametrize("function", [4, 5])
def test_a_library_and_a_source_file_may_both_be_there(function: int) -> None:
    both = {1: LIBRARY, 3: "/src/k.cpp", function: "launch", 9 - function: 12}
    assert read("native", both) == [("launch", "/src/k.cpp", LIBRARY)]
    assert read("native", {**both, 1: "/src/k.cpp", 3: LIBRARY}) == [("launch", "/src/k.cpp", LIBRARY)]


def test_what_cannot_be_told_apart_is_told_together() -> None:
    assert read("native", {1: "main", 3: "app"}) == [("main app", None, None)]


def test_a_function_or_a_file_alone_is_told() -> None:
    assert read("native", {1: "main"}) == [("main", None, None)]
    assert read("native", {1: LIBRARY}, {1: LIBRARY, 3: ""}) == [(None, None, LIBRARY)] * 2
    assert read("native", {1: ""}) == [(None, None, None)]


def test_parts_of_a_stack_are_one_stack() -> None:
    parts = [rep.message((1, rep.message((1, name), (2, 1)))) for name in ("a", "b")]
    assert [row[1:3] for row in stacks.frames(parts, "native")] == [(0, "a"), (1, "b")]
    assert list(stacks.frames([b""], "native")) == []
