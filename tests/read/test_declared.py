"""A file that does not fit its declared form is refused by file and key, with what is allowed there."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated, Literal

import pytest
from msgspec import Meta, Struct

from traceql.declared import fitted, from_toml
from traceql.errors import CheckError


class Wheel(Struct, forbid_unknown_fields=True):
    inches: Annotated[int, Meta(ge=1)]
    spokes: int | float | None = None
    side: Literal["left", "right"] | None = None


class Cart(Struct, forbid_unknown_fields=True):
    name: str
    wheels: Annotated[list[Wheel], Meta(max_length=2)] = []
    tags: dict[Annotated[str, Meta(min_length=1)], str] = {}
    spare: Wheel | None = None


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("name = ", "cart.toml: not TOML", "Check the line"),
        (
            f"name = {'9' * 5_000}",
            "cart.toml: not TOML (a number of more than 4,300 digits)",
            "Check the line",
        ),
        ("nmae = 'a'", "cart.toml: unknown key 'nmae'", "Known are name, wheels, tags, spare."),
        ("", "cart.toml: no name", "Known are name, wheels, tags, spare."),
        ("name = 3", "cart.toml: name is not a text", "It is a whole number."),
        (
            "name = 'a'\n[[wheels]]\ninches = 3\n[[wheels]]\ninchse = 3",
            "cart.toml: wheels[1]: unknown key 'inchse'",
            "Known are inches, spokes, side.",
        ),
        (
            "name = 'a'\n[spare]\nspokes = 3",
            "cart.toml: spare: no inches",
            "Known are inches, spokes, side.",
        ),
        (
            "name = 'a'\nspare = { inches = 0 }",
            "cart.toml: spare.inches is not a whole number >= 1",
            "It must be a whole number >= 1.",
        ),
        (
            "name = 'a'\nspare = { inches = 1, spokes = true }",
            "cart.toml: spare.spokes is not a whole number or a number or nothing",
            "It is true or false.",
        ),
        (
            "name = 'a'\ntags = { '' = 'x' }",
            "cart.toml: a key of tags is not a text of length >= 1",
            "It must be",
        ),
        ("name = 'a'\ntags = ['x']", "cart.toml: tags is not a table", "It is a list."),
        (
            "name = 'a'\n[[wheels]]\ninches = 3\nside = 'lfet'",
            "cart.toml: wheels[0].side is not 'lfet'",
            "It is one of left, right.",
        ),
    ],
)
def test_a_typo_is_told_with_the_file_the_key_and_what_is_allowed(
    text: str, message: str, remedy: str
) -> None:
    with pytest.raises(CheckError) as caught:
        from_toml(text, Cart, "cart.toml", CheckError)
    assert caught.value.message.startswith(message)
    assert remedy in caught.value.remedy


def test_what_fits_comes_out_as_its_struct() -> None:
    text = "name = 'a'\n[[wheels]]\ninches = 3"
    assert from_toml(text, Cart, "cart.toml", CheckError) == Cart("a", [Wheel(3)])


def test_content_that_is_no_table_and_a_remedy_of_ones_own() -> None:
    with pytest.raises(CheckError) as caught:
        fitted([], Cart, "cart.json", CheckError, "Write it again.")
    assert caught.value.message == "cart.json: the content is not a table"
    assert caught.value.remedy == "Write it again."


def test_recording_needs_the_standard_library_alone() -> None:
    code = (
        "import sys\n"
        "third_party = ('click', 'duckdb', 'msgspec', 'numpy', 'polars', 'pyarrow', 'rich')\n"
        "sys.modules.update(dict.fromkeys(third_party))\n"
        "import traceql.record.commands, traceql.record.doctor, traceql.read.sidecar\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
