"""The process that decodes is begun before the command line, for those commands alone that will use it."""

from __future__ import annotations

import contextlib

import pytest

from traceql import __main__ as program
from traceql.read import processes


@pytest.mark.parametrize(
    ("words", "begun"),
    [
        ("ingest a.ncu-rep", True),
        ("ingest --db x a.ncu-rep", True),
        ("ingest", False),
        ("query top-kernels", False),
        ("ingest a.ncu-rep --help", False),
        ("ingest --via ncu_report a.ncu-rep", False),
        ("ingest --db x --scheduler local:2 a.ncu-rep", False),
        ("ingest --db x --scheduler=local a.ncu-rep", False),
    ],
)
def test_a_decoder_is_begun_for_commands_that_decode(
    words: str, begun: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserved = []

    def reserve(names: list[str]) -> contextlib.AbstractContextManager[None]:
        reserved.append(names)
        return contextlib.nullcontext()

    monkeypatch.setattr(processes, "reserve", reserve)
    with program._decoder(words.split()):
        pass
    given = [word for word in words.split()[1:] if not word.startswith("-")]
    assert reserved == ([given] if begun else [])
