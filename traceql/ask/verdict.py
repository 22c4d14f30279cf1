"""Better, worse, same or cannot tell: the effects of a change, held against gates.

The numbers are those of the question ``effects``: by how much the time on the GPU changed, with a 95 %
confidence interval, whose assumptions its header names. A gate is what a change may cost, in percent. Where
the whole interval lies above the gate, it is worse; below minus the gate, better; between the two, the same;
and where it crosses one of them, nobody can tell.

As every outcome takes a whole interval, chance alone makes nothing worse or better: with no true change, the
interval would have to miss it by the gate.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct

from traceql import arguments
from traceql.ask import compare
from traceql.errors import MissingDataError, ParameterError
from traceql.present import formats
from traceql.present.values import counted
from traceql.questions.parameters import matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import polars as pl

    from traceql.ask.answer import Asker
    from traceql.questions.parameters import Value

Outcome = Literal["worse", "cannot tell", "better", "same"]
Topic = Literal["trace", "step", "range", "category", "kernel", "copy"]

#: What says most, first: the outcome of several is the first that one of them has.
OUTCOMES: tuple[Outcome, ...] = ("worse", "cannot tell", "better", "same")
TOPICS: tuple[Topic, ...] = ("trace", "step", "range", "category", "kernel", "copy")

#: What is measured of each topic.
MEASURES: dict[Topic, tuple[str, ...]] = {
    "trace": ("gpu_ns",),
    "step": ("gpu_busy_ns", "pace_ns"),
    "range": ("gpu_busy_ns",),
    "category": ("gpu_ns",),
    "kernel": ("gpu_ns",),
    "copy": ("gpu_ns",),
}

# How fast the steps of a program follow each other hangs on its host, and differs from run to run.
_ASKED_FOR = "pace_ns"
# Judged however small they are: there is one of each.
_WHOLE = ("trace", "step")
# Blocks without which the question gives no interval.
_FEWEST_BLOCKS = 3
# Method of the question → what holds if its intervals do.
_ASSUMED = {
    "blocks": "Intervals are those within one run: by how much runs of one program differ is not known. "
    "Three or more traces on a side tell it.",
    "student": "Intervals are those between runs (Student's t): the single run is taken to be one of many "
    "that spread as those of the other side do.",
    "welch": "Intervals are those between runs (Welch's t): runs are taken to be independent of each other.",
}
# Of what only one side has: as many are named.
_NAMED = 5
_Percent = Annotated[float, Meta(gt=0, lt=1e6)]


class Gate(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a change may cost; the attributes are the keys of its TOML table.

    Attributes:
        topic: trace (all of it), step, range, category (of kernels), kernel or copy.
        gate_pct: by how many percent it may take longer.
        name: of the kernel, copy or category, or the path of the range; a pattern.
        measure: gpu_ns, gpu_busy_ns, or of steps pace_ns; by default what is not pace_ns.
        least_pct: what took a smaller share of the baseline's GPU time is not judged, but for trace and step.
        fewest: nor is that of which one run has fewer, as their spread says little.
    """

    topic: Topic
    gate_pct: _Percent
    name: Annotated[str, Meta(min_length=1)] = "*"
    measure: Literal["gpu_ns", "gpu_busy_ns", "pace_ns"] | None = None
    least_pct: Annotated[float, Meta(ge=0, le=100)] = 1.0
    fewest: Annotated[int, Meta(ge=1)] = _FEWEST_BLOCKS


@dataclass(frozen=True)
class Judged:
    """What became of one effect.

    Attributes:
        effect: the row of the question ``effects``.
        outcome: worse, cannot tell, better or same; None where it was not judged.
        gate: that it was held against; None where none is for it.
        reason: why it cannot be told, or was not judged; else empty.
    """

    effect: Mapping[str, Any]
    outcome: Outcome | None
    gate: Gate | None
    reason: str

    @property
    def name(self) -> str:
        """What it is about: ``kernel add_kernel``, ``step gpu_busy_ns``; no other effect has the name."""
        topic, path, name, measure = (self.effect[key] for key in ("topic", "path", "name", "measure"))
        if topic == "range":
            return f"range {path}" + (f" of {name}" if name else "")
        return f"{topic} {measure if topic in _WHOLE else name}"

    @property
    def change(self) -> str:
        """The effect and its interval: ``+4.5 % (+3.7 to +5.3)``."""
        effect, low, high = (self.effect[end] for end in ("effect_pct", "low_pct", "high_pct"))
        if effect is None:
            return "unknown"
        return f"{effect:+.1f} %" + ("" if low is None else f" ({low:+.1f} to {high:+.1f})")

    def row(self) -> dict[str, Any]:
        """All of it, flat: verdict, gate_pct, reason, and the columns of the effect."""
        gate_pct = None if self.gate is None else self.gate.gate_pct
        return {"verdict": self.outcome, **self.effect, "gate_pct": gate_pct, "reason": self.reason or None}


@dataclass(frozen=True)
class Judgement:
    """Whether a change made things worse.

    Attributes:
        baseline: names of the traces before the change.
        variant: names of those after it.
        outcome: worse if one effect is; else cannot tell if one is; else better if one is; else same.
        judged: the effects that gates are for, those that decide first.
        apart: those that were not judged, each with the reason.
        findings: whether both sides were recorded alike: the answer of the question ``comparable``.
        notes: what to know before trusting it.
    """

    baseline: tuple[str, ...]
    variant: tuple[str, ...]
    outcome: Outcome
    judged: tuple[Judged, ...]
    apart: tuple[Judged, ...]
    findings: pl.DataFrame
    notes: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The outcome with what decides it: ``worse: kernel add +4.5 % (+3.7 to +5.3); 5 same``."""
        deciding = [one for one in self.judged if one.outcome == self.outcome]
        said = [f"{one.name} {one.change}" for one in deciding[:_NAMED]] if self.outcome != "same" else []
        if more := len(deciding) - len(said):
            said.append(f"{more:,} {'more' if said else self.outcome}")
        others = [outcome for outcome in OUTCOMES if outcome != self.outcome]
        counts = {other: sum(one.outcome == other for one in self.judged) for other in others}
        said += [f"{number:,} {other}" for other, number in counts.items() if number]
        return f"{self.outcome}: {'; '.join(said)}"

    @arguments.as_declared
    def frame(self, *, all_: bool = False) -> pl.DataFrame:
        """The effects with their verdicts, a row each.

        Args:
            all_: also what was not judged, whose verdict is NULL.
        """
        import polars as pl

        rows = [one.row() for one in (*self.judged, *(self.apart if all_ else ()))]
        return pl.DataFrame(rows, schema=columns())

    def _repr_html_(self) -> str:
        rows = self.frame()
        told = [name for name in rows.columns if rows[name].null_count() < rows.height]
        apart = [f"{counted(len(self.apart), 'effects')} not judged."] if self.apart else []
        notes = [*apart, *self.notes]
        return formats.html(rows.select(told).to_arrow(), self.sentence, notes, rows.height)

    def to_json(self) -> str:
        """All of it as JSON text."""
        content = {
            "baseline": self.baseline,
            "variant": self.variant,
            "verdict": self.outcome,
            "sentence": self.sentence,
            "notes": self.notes,
            "effects": [one.row() for one in (*self.judged, *self.apart)],
        }
        return json.dumps(content, ensure_ascii=False)


def columns() -> dict[str, Any]:
    """The columns of verdicts with their types in polars."""
    import polars as pl

    return {
        "verdict": pl.String,
        **compare.types_of("effects"),
        "gate_pct": pl.Float64,
        "reason": pl.String,
    }


def gates(percent: float) -> tuple[Gate, ...]:
    """A gate of so many percent for everything."""
    return tuple(Gate(topic=topic, gate_pct=percent) for topic in TOPICS)


def percent_of(text: str) -> float | None:
    """The number of a text such as ``5%``; None where it is no percentage.

    >>> percent_of("2.5 %"), percent_of("regression.toml")
    (2.5, None)

    Raises:
        ParameterError: no change can be held against such a number.
    """
    if not (found := re.fullmatch(r"\s*([-+.\w]*)\s*%\s*", text)):
        return None
    try:
        number = float(found[1])
    except ValueError:
        number = math.nan
    return percent(number, text)


def percent(number: float, text: str) -> float:
    """A number of percent that a change may cost; `text` is how it was given.

    Raises:
        ParameterError: no change can be held against such a number.
    """
    if not 0 < number < 1e6:
        raise ParameterError(f"{text}: no gate", "A gate is a number of percent above 0, such as 5%.")
    return number


def judge(
    ask: Asker,
    baseline: Sequence[str],
    variant: Sequence[str],
    held_against: Sequence[Gate],
    *,
    topic: str | None = None,
    names: str = "distinct",
    place: Mapping[str, Value] | None = None,
) -> Judgement:
    """Hold what changed between two sides against gates: of several, the first that is for an effect.

    Args:
        ask: the database that holds the traces.
        baseline: names of the traces before the change, at least one; several are repeated runs.
        variant: names of those after it.
        held_against: the gates, see `gates` and `traceql.ask.check_files`.
        topic: only this, see `TOPICS`.
        names: by which kernels are told apart: short, full or distinct.
        place: what of the timelines is compared: from, to and within, as questions have them.

    Raises:
        QueryError: there is no such trace, or the sides are of different profilers.
        MissingDataError: nothing that ran on a GPU was recorded.
    """
    alike = compare.recorded_alike(ask, baseline, variant)
    found = ask(
        "effects",
        baseline=list(baseline),
        variant=list(variant),
        topic=topic or "*",
        names=names,
        **(place or {}),
    )
    effects = found.frame().to_dicts()
    if not effects:
        raise MissingDataError(
            f"no time of a {topic} on a GPU was recorded on either side"
            if topic
            else "no time of work on a GPU was recorded on either side",
            f"Topics: {', '.join(TOPICS)}.",
        )
    # Extra launches are in what a step took, where that is judged.
    in_steps = any(row["matched"] and _counts_launches(row, held_against) for row in effects)
    every = [_judged(row, held_against, in_steps=in_steps) for row in effects]
    judged = sorted(
        (one for one in every if one.outcome), key=lambda one: OUTCOMES.index(one.outcome or "same")
    )
    outcomes = {one.outcome for one in judged}
    outcome: Outcome = next((one for one in OUTCOMES if one in outcomes), "cannot tell")
    notes = compare.on_both_sides(baseline, variant)
    notes += dict.fromkeys(note.text for note in (*alike.notes, *found.notes))
    notes += _remarks(every)
    notes += [
        f"No {gate.topic} is called {gate.name!r}: the gate of {gate.gate_pct:g} % is for nothing."
        for gate in held_against
        if gate.name != "*" and not any(_is_for(gate, effect) for effect in effects)
    ]
    if not judged:
        notes.append("No gate is for anything that was recorded.")
    apart = tuple(one for one in every if not one.outcome)
    return Judgement(
        tuple(baseline), tuple(variant), outcome, tuple(judged), apart, alike.frame(), tuple(notes)
    )


def outcome_of(low_pct: float, high_pct: float, gate_pct: float) -> Outcome:
    """What an interval says beside a gate.

    >>> [outcome_of(low, high, 2) for low, high in ((2.5, 5), (-9, -3), (-2, 2), (1, 3))]
    ['worse', 'better', 'same', 'cannot tell']
    """
    if low_pct > gate_pct:
        return "worse"
    if high_pct < -gate_pct:
        return "better"
    return "same" if -gate_pct <= low_pct and high_pct <= gate_pct else "cannot tell"


def _judged(effect: Mapping[str, Any], held_against: Sequence[Gate], *, in_steps: bool) -> Judged:
    gate = next((gate for gate in held_against if _is_for(gate, effect)), None)
    if gate is None:
        return Judged(effect, None, None, "no gate is for it")
    whole = effect["topic"] in _WHOLE
    if not effect["matched"]:
        sides = [side for side in ("baseline", "variant") if effect[f"{side}_only"]]
        reason = "no two are alike on both sides" if len(sides) == 2 else f"only in the {sides[0]}"
        return Judged(effect, "cannot tell" if whole else None, gate, reason)
    if not whole and effect["share_pct"] is not None and effect["share_pct"] < gate.least_pct:
        return Judged(effect, None, gate, f"less than {gate.least_pct:g} % of the time")
    within_runs = effect["method"] == "blocks"
    if not whole and within_runs and effect["matched"] < gate.fewest:
        return Judged(effect, None, gate, f"fewer than {gate.fewest} in a run")
    low, high = effect["low_pct"], effect["high_pct"]
    if effect["effect_pct"] is None:
        return Judged(effect, "cannot tell", gate, "it took no time in the baseline")
    if low is None or high is None:
        blocks = counted(effect["blocks"], "blocks")
        reason = f"{blocks} of time in a run: an interval takes {_FEWEST_BLOCKS}, or several runs a side"
        return Judged(effect, "cannot tell", gate, reason)
    outcome = outcome_of(low, high, gate.gate_pct)
    if outcome == "cannot tell":
        return Judged(effect, outcome, gate, f"the interval crosses the gate of {gate.gate_pct:g} %")
    lacking = _without_partner(effect, "outside" if in_steps else "only") if effect["topic"] == "trace" else 0
    if outcome != "worse" and lacking > gate.gate_pct:
        told = "and is in no step" if in_steps else "and no steps tell what it is"
        reason = f"{lacking:.1f} % of a side's time has no partner, {told}"
        return Judged(effect, "cannot tell", gate, reason)
    return Judged(effect, outcome, gate, "")


def _is_for(gate: Gate, effect: Mapping[str, Any]) -> bool:
    if gate.topic != effect["topic"]:
        return False
    if gate.measure is None and effect["measure"] == _ASKED_FOR:
        return False
    if gate.measure is not None and gate.measure != effect["measure"]:
        return False
    name = effect["path"] if gate.topic == "range" else effect["name"]
    return gate.name == "*" or (name is not None and matches(name, gate.name))


def _counts_launches(effect: Mapping[str, Any], held_against: Sequence[Gate]) -> bool:
    """Whether it is what steps took on the GPU, and a gate is for it."""
    is_busy = effect["topic"] == "step" and effect["measure"] != _ASKED_FOR
    return is_busy and any(_is_for(gate, effect) for gate in held_against)


def _without_partner(effect: Mapping[str, Any], which: Literal["only", "outside"]) -> float:
    """The share of what has no partner, or of what of it is in no step, where it is larger; in percent."""
    whole = {
        side: effect[f"{side}_only_ns"] + (effect[f"{side}_ns"] or 0) for side in ("baseline", "variant")
    }
    return max(100 * effect[f"{side}_{which}_ns"] / ns if ns else 0.0 for side, ns in whole.items())


def _remarks(every: Sequence[Judged]) -> Iterator[str]:
    """What the intervals take for granted, and what was counted apart."""
    yield _ASSUMED[every[0].effect["method"]]
    for side in ("baseline", "variant"):
        alone = [
            one for one in every if one.effect["topic"] in ("kernel", "copy") and one.effect[f"{side}_only"]
        ]
        alone.sort(key=lambda one: (-one.effect[f"{side}_only_ns"], one.name))
        if alone:
            launches = sum(one.effect[f"{side}_only"] for one in alone)
            named = [f"{one.effect[f'{side}_only']:,} of {one.name}" for one in alone[:_NAMED]]
            named += [f"{len(alone) - _NAMED:,} more"] if len(alone) > _NAMED else []
            yield f"{counted(launches, 'launches')} of the {side} without a partner: {', '.join(named)}."
