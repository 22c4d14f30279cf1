"""The collector of staged KV writes, with an engine and a patch that are played."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from collectors import vllm_nwor
from collectors.nwor import MODES
from collectors.stages import Stage
from collectors.worker import Capture

if TYPE_CHECKING:
    from pathlib import Path


class Patch:
    """Notes what it is told; so many drafts were staged since the last time."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def mode(self, name: str) -> None:
        self.told.append(name)

    def accept(self, rate: float) -> None:
        self.told.append(rate)

    def seed(self, number: int) -> None:
        self.told.append(("seed", number))

    def counted(self) -> dict[str, int]:
        return {"nwor_tokens_staged": 8, "nwor_tokens_committed": 4}


class Engine:
    """Three accepted drafts of four, of each of two sequences, in every step; no drafts in none."""

    def __init__(self, patch: Patch) -> None:
        self.patch, self.steps, self.ended = patch, 0, False
        self.llm_engine = self

    def step(self) -> list[Any]:
        self.steps += 1
        self.patch.told.append("step")
        output = SimpleNamespace(token_ids=[1, 2, 3, 4])
        return [SimpleNamespace(request_id=name, outputs=[output], finished=self.ended) for name in "ab"]

    def get_metrics(self) -> list[Any]:
        counts = {"num_drafts": 2, "num_draft_tokens": 8, "num_accepted_tokens": 6}
        return [
            SimpleNamespace(name=f"vllm:spec_decode_{name}", value=each * self.steps)
            for name, each in counts.items()
        ]

    def abort_request(self, names: list[str]) -> None:
        self.patch.told.append(("abort", names))


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> tuple[vllm_nwor._Run, Patch, Engine]:
    patch = Patch()
    engine = Engine(patch)
    points = [
        {"tags": {"mode": mode, "batch_size": "2", "input_len": "8", "acceptance": "0.5"}}
        for mode in ("off", "nwor")
    ]
    plan = {"modes": ["off", "nwor"], "rounds": 2, "steps": 3, "seed": 5, "points": points}
    run = vllm_nwor._Run(engine, patch, Capture("no"), plan)  # type: ignore[arg-type]
    monkeypatch.setattr(
        run, "_begin", lambda count, length: vllm_nwor._Batch(["a", "b"], dict.fromkeys("ab", 0))
    )
    return run, patch, engine


def test_modes_take_turns_and_the_first_step_of_a_turn_does_not_count(
    played: tuple[vllm_nwor._Run, Patch, Engine],
) -> None:
    run, patch, engine = played
    points = run._plan["points"]
    one = {m["name"]: m["value"] for m in run.latency(points[0]) if m.get("sample") is None}
    # The same draws for both modes of a turn.
    first, second = ([("seed", seed), *["step"] * 4] for seed in (5, 6))
    expected = [0.5, "off", *first, "nwor", *first, "nwor", *second, "off", *second]
    assert patch.told == [*expected, "off", ("abort", ["a", "b"])]
    # Of two turns of three steps each.
    assert (one["spec_num_drafts"], one["spec_num_draft_tokens"]) == (12, 48)
    assert (one["nwor_tokens_staged"], one["nwor_tokens_committed"]) == (16, 8)
    assert one["tokens_per_step"] == 4
    assert one["ms_per_token"] == pytest.approx(one["ms_per_step"] / 4)
    # The other mode of the shape is there already.
    assert run.latency(points[1]) and engine.steps == 16


def test_a_sequence_that_ends_too_early_is_an_error(
    played: tuple[vllm_nwor._Run, Patch, Engine],
) -> None:
    run, _, engine = played
    engine.ended = True
    with pytest.raises(RuntimeError, match="too little room"):
        run.latency(run._plan["points"][0])


@pytest.mark.parametrize(
    ("mode", "tokens", "fails"),
    [("nwor", [5, 6], False), ("nwor", [5, 7], True), ("broken", [5, 7], False), ("broken", [5, 6], True)],
)
def test_tokens_are_those_of_vllm_as_it_is_and_a_mode_that_is_broken_must_differ(
    played: tuple[vllm_nwor._Run, Patch, Engine],
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    tokens: list[int],
    fails: bool,
) -> None:
    run = played[0]
    monkeypatch.setattr(
        run,
        "_generated",
        lambda of, tags: vllm_nwor._Generated([[5, 6] if of == "off" else tokens], [1, 2], []),
    )
    point = {"tags": {"mode": mode, "batch_size": "1", "input_len": "8", "acceptance": "0.5"}}
    if fails:
        with pytest.raises(RuntimeError, match="steps, are those of vLLM as it is"):
            run.equal(point)
    else:
        same = {m["name"]: m["value"] for m in run.equal(point)}
        assert (same["tokens_compared"], same["tokens_equal"]) == (2, sum(t in (5, 6) for t in tokens))


def test_vllm_that_differs_from_itself_is_an_error(
    played: tuple[vllm_nwor._Run, Patch, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, logits = played[0], iter([[1, 2], [1, 3]])
    monkeypatch.setattr(run, "_generated", lambda of, tags: vllm_nwor._Generated([[5, 6]], next(logits), []))
    point = {"tags": {"mode": "nwor", "batch_size": "1", "input_len": "8", "acceptance": "0.5"}}
    with pytest.raises(RuntimeError, match="other tokens or logits when it runs again"):
        run.equal(point)


def test_logits_that_differ_in_a_bit_are_no_equal_outputs(
    played: tuple[vllm_nwor._Run, Patch, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = played[0]
    monkeypatch.setattr(
        run,
        "_generated",
        lambda of, tags: vllm_nwor._Generated([[5, 6]], [1, 2] if of == "off" else [1, 3], []),
    )
    tags = {"batch_size": "1", "input_len": "8", "acceptance": "0.5"}
    with pytest.raises(RuntimeError, match="2 of 2 tokens, and the logits of 1 of 2 steps"):
        run.equal({"tags": {"mode": "nwor", **tags}})
    assert run.equal({"tags": {"mode": "broken", **tags}})


def test_each_mode_has_the_guides_two_names() -> None:
    points = list(vllm_nwor._points([*MODES], [(2, 8)], ["0.5"]))
    assert [(p.tags["nwor_mode"], p.tags["scv_mode"]) for p in points][:3] == [
        ("off", "off"),
        ("stage", "off"),
        ("off", "loop"),
    ]
    assert points[0].name == "off_2x8_0.5"


def test_a_sweep_says_how_many_layers_there_were_where_all_were_asked_for(tmp_path: Path) -> None:
    """As the tags of reports do, so that a trace of the same work finds its latency there."""
    tags = {**vllm_nwor._named("nwor"), "batch_size": "8", "input_len": "512", "acceptance": "0.7"}
    turns = [{"name": "run_ms_per_step", "unit": "ms", "value": 9.0, "sample": 1}]
    stage = Stage(name="nwor_draft_latency", points=[], model="llama-3.1-8b", tags={"layers": "32"})
    vllm_nwor._write_sweeps(
        tmp_path,
        [stage],
        {"layers": 0, "drafts": 4},
        {stage.name: [{"ok": True, "tags": tags, "metrics": turns}]},
    )
    written = json.loads((tmp_path / "nwor_draft_latency_8x512_0.7.json").read_text(encoding="utf-8"))
    assert written["config"] == {"layers": 32, "drafts": 4}
    assert [batch["latency_s"] for batch in written["results"]] == [0.009]
