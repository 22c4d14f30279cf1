"""What pipelines of Vulkan took to create, of calls that create several and of several stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nsys_rep_file import TID, event, message, report

from traceql.read.base import no_progress
from traceql.read.nsys_rep import read

if TYPE_CHECKING:
    from pathlib import Path


def call(start: int, *pipelines: bytes) -> bytes:
    """A call of Vulkan that created pipelines."""
    told = [(27, message((5, 1), *((7, one) for one in pipelines)))] if pipelines else []
    return event(48, 108, (1, start), (2, start + 9), (3, 1), (6, 53), (7, 0), (13, TID), *told)


def pipeline(duration: int, *stages: int, flags: int = 1) -> bytes:
    """A pipeline with the durations of its stages."""
    return message((1, duration), (2, flags), *((3, message((1, stage), (2, 1))) for stage in stages))


def test_a_pipeline_names_its_call_and_a_stage_its_pipeline_across_blocks(tmp_path: Path) -> None:
    path = tmp_path / "made.nsys-rep"
    first = [call(10), call(20, pipeline(7, 3, 4), pipeline(5))]
    path.write_bytes(
        report(first, [call(30, pipeline(8, 6, flags=3))], strings=["vkCreateGraphicsPipelines"])
    )
    found = read(path, wanted=None, progress=no_progress)
    assert not any(text.startswith("Unknown") for text in found.warnings)
    rows = {
        name: [tuple(row.values()) for row in found.tables[name].to_pylist()]
        for name in ("VULKAN_PIPELINE_CREATION_EVENTS", "VULKAN_PIPELINE_STAGE_EVENTS")
    }
    assert rows == {
        "VULKAN_PIPELINE_CREATION_EVENTS": [(1, 7, 1, 2), (2, 5, 1, 2), (3, 8, 3, 3)],
        "VULKAN_PIPELINE_STAGE_EVENTS": [(1, 3, 1, 1), (2, 4, 1, 1), (3, 6, 1, 3)],
    }
    assert found.tables["VULKAN_API"].select(["id"]).to_pydict()["id"] == [1, 2, 3]
    told = found.tables["OTHER_EVENTS"].to_pydict()["data"]
    assert ['"pipelines":[{' in one for one in told] == [False, True, True]


def test_what_is_not_known_of_a_stage_is_said(tmp_path: Path) -> None:
    path = tmp_path / "made.nsys-rep"
    odd = message((1, 7), (2, 1), (3, message((1, 3), (2, 1), (9, 5))))
    path.write_bytes(report([call(20, odd)], strings=["vkCreateGraphicsPipelines"]))
    found = read(path, wanted=None, progress=no_progress)
    assert any("27.7.3.9" in text for text in found.warnings), found.warnings
