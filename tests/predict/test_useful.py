"""Useful FLOP of layers: counted by hand, and beside what an H200's counters say was executed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import published
import pytest
from click.testing import CliRunner
from shipped import REPORTS, RESULTS

from traceql.cli import cli
from traceql.errors import PredictionError
from traceql.predict import architectures, useful
from traceql.read import runs

if TYPE_CHECKING:
    from pathlib import Path

    from traceql import Database

#: The model whose layers were recorded in docs/results, prompts in chunks of 4,096 tokens.
NEMOTRON = REPORTS.parent / "models" / "nemotron-3-nano-4b.json"


def test_a_layer_of_each_kind_needs_2_flop_per_weight_and_token() -> None:
    # Two layers of 3 matrices of 8 × 16, and of Q, K, V and O of 8 × 8; 3 tokens, each of 2 sequences.
    model = architectures.llama(hidden=8, layers=2, heads=2, intermediate=16, vocab=10)
    rows = {(row["layer_kind"], row["phase"]): row for row in useful.layers(model, [3], batch=2)}
    assert {row["seq_len"] for row in rows.values()} == {3}
    assert rows["mlp", "prefill"]["useful_flop"] == 2 * (3 * 8 * 16) * 3 * 2
    assert rows["mlp", "decode"]["useful_flop"] == 2 * (3 * 8 * 16) * 2
    # 1 + 2 + 3 pairs of tokens, of which each costs 4 FLOP per channel: q·k and p·v.
    assert rows["attention", "prefill"]["useful_flop"] == (2 * (4 * 8 * 8) * 3 + 4 * 8 * 6) * 2


def test_a_layer_with_experts_is_its_router_what_is_shared_and_what_each_token_chooses() -> None:
    rows = {
        (row["layer_kind"], row["phase"]): row["useful_flop"]
        for row in useful.layers(architectures.from_config(published.DEEPSEEK_V3), [5], batch=2)
    }
    assert {kind for kind, _ in rows} == {"attention", "mlp", "moe"}
    # One row per expert in the router; 1 shared expert and 8 of 256, of three matrices each.
    weights = 7168 * 256 + (1 + 8) * 3 * 7168 * 2048
    assert rows["moe", "prefill"] == 2 * weights * 5 * 2
    assert rows["moe", "decode"] == 2 * weights * 2
    # The three dense layers.
    assert rows["mlp", "decode"] == 2 * 3 * 7168 * 18432 * 2
    mixtral = useful.layers(architectures.from_config(published.MIXTRAL), [1])
    assert [row["layer_kind"] for row in mixtral] == ["attention", "attention", "moe", "moe"]


def test_the_last_chunk_of_a_prompt_sees_all_that_came_before() -> None:
    model = architectures.llama(hidden=8, layers=2, heads=2, intermediate=16, vocab=10)
    rows = {
        (row["seq_len"], row["layer_kind"]): row["useful_flop"]
        for row in useful.layers(model, [4, 5], chunk=2)
        if row["phase"] == "prefill"
    }
    # Of 4 tokens the last chunk has 2, which see 3 and 4; of 5 it has 1.
    assert rows[4, "mlp"] == 2 * (3 * 8 * 16) * 2
    assert rows[4, "attention"] == 2 * (4 * 8 * 8) * 2 + 4 * 8 * (3 + 4)
    assert rows[5, "attention"] == 2 * (4 * 8 * 8) + 4 * 8 * 5


def test_a_prompt_of_no_tokens_is_refused() -> None:
    model = architectures.llama(hidden=8, layers=2, heads=2, intermediate=16, vocab=10)
    with pytest.raises(PredictionError, match="tokens is 0"):
        list(useful.layers(model, [0]))


def test_kinds_of_kernels_need_what_the_parts_of_a_step_need() -> None:
    # Two layers of 3 matrices of 8 × 16, and of Q, K, V and O of 8 × 8; an output layer of 8 × 10.
    model = architectures.llama(hidden=8, layers=2, heads=2, intermediate=16, vocab=10)
    rows = {
        (row["category"], row["phase"], row["batch_size"], row["input_len"]): row["useful_flop"]
        for row in useful.kinds(model, batch=[1, 3], tokens=[5], context=[4])
    }
    weights = 2 * (3 * 8 * 16 + 4 * 8 * 8)
    assert rows == {
        # A step of 3 sequences, each of which meets 5 tokens; 4 FLOP per channel and pair, in two layers.
        ("gemm", "decode", 1, 4): 2 * (weights + 80),
        ("gemm", "decode", 3, 4): 3 * 2 * (weights + 80),
        ("attention", "decode", 1, 4): 2 * 4 * 8 * 5,
        ("attention", "decode", 3, 4): 3 * 2 * 4 * 8 * 5,
        # The output layer is for the last token alone; 1 + 2 + 3 + 4 + 5 pairs.
        ("gemm", "prefill", 1, 5): 2 * (5 * weights + 80),
        ("gemm", "prefill", 3, 5): 3 * 2 * (5 * weights + 80),
        ("attention", "prefill", 1, 5): 2 * 4 * 8 * 15,
        ("attention", "prefill", 3, 5): 3 * 2 * 4 * 8 * 15,
    }


def test_experts_and_mamba_are_kinds_of_their_own() -> None:
    mixtral = architectures.from_config(published.MIXTRAL)
    rows = {row["category"]: row["useful_flop"] for row in useful.kinds(mixtral, batch=[1], context=[0])}
    # Two of eight experts of three matrices; 32 layers.
    assert rows["moe"] == 2 * 32 * 2 * 3 * 4096 * 14_336
    nemotron = architectures.from_config(json.loads(NEMOTRON.read_text(encoding="utf-8")))
    hybrid = {row["category"]: row["useful_flop"] for row in useful.kinds(nemotron, batch=[1], context=[9])}
    # 21 states of 96 heads of 80 × 128, 5 FLOP each; 4 layers of 40 heads of 128 meet 10 tokens.
    assert hybrid["mamba"] == 5 * 21 * 96 * 80 * 128
    assert hybrid["attention"] == 4 * 4 * 40 * 128 * 10


def test_kinds_of_nothing_are_asked_for() -> None:
    result = CliRunner().invoke(cli, ["predict", "kinds", "--config", str(NEMOTRON)])
    assert result.exit_code == 2
    assert "Give --context (decode steps), --tokens (prefill), or both" in result.stderr


@pytest.mark.long
def test_executed_flop_of_recorded_layers_are_the_useful_ones_and_the_padding_of_tiles(
    db: Database, tmp_path: Path
) -> None:
    table = tmp_path / "useful.csv"
    lengths = [word for length in (4, 64, 4096, 131_072) for word in ("--tokens", str(length))]
    command = ["predict", "layers", "--config", str(NEMOTRON), "--chunk", "4096", *lengths]
    result = CliRunner().invoke(cli, [*command, "-o", str(table)])
    assert result.exit_code == 0, result.output
    db.import_runs(runs.read(table))
    db.ingest(RESULTS / "data" / "layers_ncu.ncu-rep.xz")
    rows = db.query("layer_roofline").drop_nulls("useful_flop").to_dicts()
    ratios = {(r["layer_kind"], r["phase"], r["seq_len"]): r["executed_per_useful"] for r in rows}
    assert len(ratios) == 3 * 2 * 4
    # Tiles have 8 rows at least: one token leaves 7 of 8 of them empty, four tokens half.
    assert all(8 < ratio < 13 for (_, phase, _), ratio in ratios.items() if phase == "decode")
    assert ratios["mlp", "prefill", 4] == pytest.approx(2, rel=0.1)
    long = [ratio for (_, phase, length), ratio in ratios.items() if phase == "prefill" and length > 4]
    assert len(long) == 9
    assert all(1 < ratio < 1.15 for ratio in long)


def test_a_configuration_that_is_none_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps([1]))
    result = CliRunner().invoke(cli, ["predict", "layers", "--config", str(config), "--tokens", "4"])
    assert isinstance(result.exception, PredictionError)
    assert "not a JSON object" in str(result.exception)
