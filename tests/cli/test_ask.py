"""The command ask: the tools of the server, once, with JSON in and out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from made.nsys import Recording, kernel

import traceql
from traceql.cli import cli

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def db(tmp_path: Path) -> str:
    with traceql.open(tmp_path / "db") as database:
        Recording().work(kernel("gemm", 0, 7)).store(database, "run")
    return str(tmp_path / "db")


def test_an_answer_is_json_and_an_error_has_a_status(db: str) -> None:
    run = CliRunner().invoke
    given = json.dumps({"question": "top_kernels", "parameters": {"limit": 1}})
    for arguments, typed in ((["--json", given], None), (["--json", "-"], given)):
        answered = run(cli, ["ask", "ask", *arguments, "--db", db], input=typed)
        assert answered.exit_code == 0
        assert json.loads(answered.stdout)["rows"][0]["kernel"] == "gemm"
    refused = run(cli, ["ask", "ask", "--json", '{"question": "osrt_sum"}', "--db", db])
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["error"]["code"] == "not_recorded"
    for nonsense in ("{", "[" * 100_000, "7"):
        told = run(cli, ["ask", "sql", "--json", nonsense, "--db", db])
        assert told.exit_code == 2 and json.loads(told.stdout)["error"]["code"] == "arguments"


def test_tools_are_listed_with_their_schemas(db: str) -> None:
    listed = json.loads(CliRunner().invoke(cli, ["ask", "--list", "--db", db]).stdout)
    assert {tool["name"] for tool in listed} >= {"list_traces", "ask", "sql", "why"}
    assert all(tool["takes"]["type"] == "object" for tool in listed)
    assert CliRunner().invoke(cli, ["ask", "--db", db]).exit_code == 2


@pytest.mark.long
def test_a_picture_goes_into_a_file(db: str, tmp_path: Path) -> None:
    picture = tmp_path / "kernels.png"
    arguments = ["ask", "chart", "--json", '{"question": "top_kernels"}', "-o", str(picture), "--db", db]
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
