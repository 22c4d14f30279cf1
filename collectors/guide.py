"""The JSON of the sweeps that the guide to NWOR and SCV reads: config, summary.per_mode, results."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from collectors.latencies import PERCENTS, percentile
from traceql.record import written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


#: Of a mode: its batches, each with labels (texts) and ``latency_s``; and what was counted in all of them.
Mode = tuple["Sequence[Mapping[str, Any]]", "Mapping[str, float]"]


def write(path: Path, config: Mapping[str, Any], modes: Sequence[Mode]) -> None:
    """Write a sweep, which ``traceql import-runs`` reads; nothing if no mode was measured.

    Args:
        path: of the file.
        config: sizes.
        modes: those that were measured.
    """
    if modes:
        content = {
            "config": dict(config),
            "summary": {"per_mode": [_summary(*mode) for mode in modes]},
            "results": [batch for batches, _ in modes for batch in batches],
        }
        written.write_whole(path, json.dumps(content, indent=1) + "\n")


def counted(batch: Mapping[str, Any]) -> dict[str, float]:
    """Of what was measured, what the guide's sweeps count: drafts, accepted, staged and committed tokens."""
    return {
        name: value
        for name, value in sorted(batch.items())
        if re.match(r"spec_num_|nwor_", name) and name != "nwor_mode"
    }


def _summary(batches: Sequence[Mapping[str, Any]], sums: Mapping[str, float]) -> dict[str, Any]:
    """One mode: what was counted, mean and percentiles of the latency."""
    latencies = sorted(batch["latency_s"] for batch in batches)
    drafts, drafted = sums.get("spec_num_drafts"), sums.get("spec_num_draft_tokens")
    accepted = sums.get("spec_num_accepted_tokens")
    derived: dict[str, float] = {}
    # Without a draft there is no rate of acceptance, which is not a rate of 0.
    if drafts and accepted is not None:
        derived["spec_avg_accepted_per_window"] = accepted / drafts
    if drafted and accepted is not None:
        derived["spec_acceptance_ratio"] = accepted / drafted
    if sums.get("nwor_tokens_staged"):
        derived["nwor_writes_saved_pct"] = 100 * (
            1 - sums["nwor_tokens_committed"] / sums["nwor_tokens_staged"]
        )
    known = {f"latency_p{percent}_s": percentile(latencies, percent) for percent in PERCENTS}
    # What is the same for all batches: how they were measured.
    common = {
        k: v for k, v in batches[0].items() if isinstance(v, str) and all(b.get(k) == v for b in batches)
    }
    common.pop("batch_index", None)
    return {
        **common,
        "batches": len(batches),
        "latency_avg_s": sum(latencies) / len(latencies),
        "fastest_run_latency_s": latencies[0],
        "slowest_run_latency_s": latencies[-1],
        **{name: value for name, value in known.items() if value is not None},
        **sums,
        **derived,
    }
