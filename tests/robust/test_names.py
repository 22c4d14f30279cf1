"""Names come from strangers: they are data in shells, terminals, tables, pictures and pages."""

from __future__ import annotations

import csv
import io
import json
import lzma
import os
import re
import subprocess
import time
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pyarrow as pa
import pytest
from command_line import ENVIRONMENT, traceql
from helpers_robust import REPORTS
from made import ncu, nsys, store
from shells import SHELLS, Shell

import traceql as library
from traceql.cli.completion import inserted, parsed
from traceql.draw import render
from traceql.errors import ReportError
from traceql.present import formats, values
from traceql.read import nsys_tool

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a shell would run, expand, split or take for a comment.
ODD = (
    "run a", "it's", 'say "x"', "$(touch X)", "`touch X`", "a;touch X", "a*", "a?", "a:b:c", "x=gpu", "a\\b",
    "{a,b}", "#x", "!!", "a|b&c", "<in>", "$HOME", "é ü", "a,b", "100%", "(x)", "[x]", "a^b", "$'x'", "a~b",
)  # fmt: skip
UNSEEN = ("new\nline", "esc\x1b[31m", "gnp.\u202etxt", "zero\u200bwidth", "filler\u3164", "tab\tab")
HIDING = "a\x1b[31m\u202eb\u2066\u200b\u2028\u061c\x07\x9b\u3164c"
LONG = "void " + "very" * 250_000 + "<end>"


def fill(folder: Path, names: list[str]) -> Path:
    """A database in `folder` whose traces have the names, and one kernel each."""
    path = folder / "traces.duckdb"
    with library.open(path) as database, database._store.writing("names") as connection:
        for number, name in enumerate(names, start=1):
            connection.execute(
                "INSERT INTO traces (trace_id, trace, profiler, has_timeline, has_counters, tags, warnings, missing) "
                "VALUES (?, ?, 'nsys', true, false, MAP {}, [], [])",
                [number, name],
            )
    return path


# --- shells ---------------------------------------------------------------------------------------------


def tried(shell: Shell, names: list[str], quotes: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """Quote, name and word that came of it, for names whose first three characters are their own."""
    for name in names:
        for quote in quotes:
            # Where nothing is inserted, the quote is closed by hand.
            *_, word = shell.ran(f"traceql info {quote}{name[:3]}\t")
            yield quote, name, word


@pytest.mark.long
@pytest.mark.parametrize("name", SHELLS)
def test_a_shell_inserts_a_name_as_one_literal_word_or_not_at_all(name: str, tmp_path: Path) -> None:
    odd = [f"k{number:02}{text}" for number, text in enumerate(ODD)]
    unseen = [f"u{number:02}{text}" for number, text in enumerate(UNSEEN)]
    fill(tmp_path, [*odd, *unseen, "~root", "#lead", "--quiet"])
    shell = Shell(name, tmp_path, traceql("completion", name).stdout)
    try:
        assert [(one, word) for _, one, word in tried(shell, odd, ("",))] == [(one, one) for one in odd]
        assert [word for _, _, word in tried(shell, unseen, ("",))] == [one[:3] for one in unseen]
        inside = [odd[i] for i in (0, 3, 8)]
        assert [word for _, _, word in tried(shell, inside, ("'", '"'))] == [
            one for one in inside for _ in range(2)
        ]
        assert shell.ran("traceql info \\~\t")[-1] == "~root"
        assert shell.ran("traceql info \\#\t")[-1] == "#lead"
        assert shell.ran("traceql query top-kernels --trace=k00\t")[-1] == f"--trace={odd[0]}"
        assert shell.ran("traceql check --baseline k00\t")[-1] == odd[0]
    finally:
        shell.close()
    assert not list(tmp_path.glob("X*"))


@pytest.mark.long
@pytest.mark.parametrize("name", SHELLS)
def test_a_shell_completes_tags_questions_tables_and_files(name: str, tmp_path: Path) -> None:
    fill(tmp_path, ["run"])
    with library.open(tmp_path / "traces.duckdb") as database:
        database.tag("run", gpu="h200", **{"it's": "a b"})
    (tmp_path / "zz run.nsys-rep").touch()
    shell = Shell(name, tmp_path, traceql("completion", name).stdout)
    try:
        for typed, word in (
            ("sql --trace gp\t", "gpu=h200"),
            ("sql --trace gpu=\t", "gpu=h200"),
            ("sql --trace it\t", "it's=a b"),
            ("query top-kern\t", "top-kernels"),
            ("schema kernel_ca\t", "kernel_calls"),
            ("gpu A100\\ SXM\\ 4\t", "A100 SXM 40GB"),
            ("why zz\t", "zz run.nsys-rep"),
            ("query top-kernels zz\t", "zz run.nsys-rep"),
        ):
            assert shell.ran(f"traceql {typed}")[-1] == word
    finally:
        shell.close()


@pytest.mark.parametrize("name", ODD)
def test_what_bash_inserts_is_the_name_to_bash(name: str, tmp_path: Path) -> None:
    word = inserted(name, parsed("traceql info "), "")
    said = subprocess.run(["bash", "-c", f"printf %s {word}"], cwd=tmp_path, capture_output=True, check=True)
    assert said.stdout.decode() == name
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("line", "replaced", "offered", "expected"),
    [
        ("traceql info gpu:", "", "gpu:a b", "a\\ b"),
        ("traceql info 'it", "it", "it's", "it'\\''s"),
        ("traceql info 'it", "it", "it'", None),
        ('traceql info "a', "a", 'a$b"c', 'a\\$b\\"c'),
        ('traceql info "a', "a", "a!", None),
        ("traceql info $'a", "a", "ab", None),
        ("traceql info run\\ a", "run\\ a", "run a;b", "run\\ a\\;b"),
        ("traceql query q --trace=ru", "ru", "--trace=run a", "run\\ a"),
    ],
)
def test_bash_is_given_what_fits_where_the_word_is_broken(
    line: str, replaced: str, offered: str, expected: str | None
) -> None:
    assert inserted(offered, parsed(line), replaced) == expected


@pytest.mark.long
def test_what_cannot_be_seen_and_what_looks_like_an_option_is_not_offered(tmp_path: Path) -> None:
    fill(tmp_path, ["--quiet", "x\x1b", "x\u3164", "x\ny", "x\u202e", "x" * 1_001, "xa b"])
    for shell, expected in (("bash", "plain,xa\\ b"), ("zsh", "plain\nxa b\n_"), ("fish", "plain,xa b")):
        for typed in ("x", "--q"):
            asked = {"_TRACEQL_COMPLETE": f"{shell}_complete", "COMP_WORDS": f"traceql info {typed}"}
            said = traceql(folder=tmp_path, environment=ENVIRONMENT | asked).stdout.strip()
            assert said == (expected if typed == "x" else "")


# --- what people read -----------------------------------------------------------------------------------


def unseen_in(text: str) -> set[str]:
    """The characters of a text that no reader sees, but for the ends of lines."""
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in "\n\t"}


@pytest.fixture(scope="module")
def hiding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which trace, kernels and ranges have names that control terminals, and long ones."""
    folder = tmp_path_factory.mktemp("hiding")
    recording = (
        nsys.Recording()
        .range(HIDING, 0, 100)
        .range(LONG, 5, 90)
        .call("cudaLaunchKernel_v7000", 10, 12, nsys.kernel(HIDING, 20, 30, full=f"{HIDING}()"))
        .call("cudaLaunchKernel_v7000", 14, 16, nsys.kernel(LONG, 40, 60, full=f"{LONG}()"))
    )
    with library.open(folder / "traces.duckdb") as database:
        store.store(database, recording.report(), HIDING, {HIDING: HIDING})
    return folder


COMMANDS = (
    ("ls",), ("info", HIDING), ("query", "top-kernels"), ("query", "top-kernels", "-f", "md"),
    ("query", HIDING), ("info", f"no {HIDING}"), (HIDING,), ("query", "top-kernels", f"--{HIDING}"),
    ("query", "top-kernels", "--trace", f"no {HIDING}"), ("rename", f"no {HIDING}", "x"),
    ("sql", f"SELECT 1 AS \"{HIDING}\""), ("sql", f"SELECT '{HIDING}' FROM nowhere"),
    ("check", f"no {HIDING}"), ("ingest", f"no {HIDING}"), ("import-runs", f"no {HIDING}"),
)  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: ascii(words)[:60])
def test_no_command_prints_what_cannot_be_seen(hiding: Path, words: tuple[str, ...]) -> None:
    said = traceql(*words, folder=hiding)
    assert unseen_in(said.stdout + said.stderr) == set()
    assert said.stdout + said.stderr


def test_data_forms_are_exact(hiding: Path) -> None:
    asked = ("sql", "SELECT DISTINCT name FROM kernels ORDER BY length(name)")
    as_json = json.loads(traceql(*asked, "-f", "json", folder=hiding).stdout)
    assert [row["name"] for row in as_json] == [HIDING, LONG]
    text = io.StringIO(traceql(*asked, "-f", "csv", folder=hiding).stdout, newline="")
    before = csv.field_size_limit(1 << 24)
    try:
        rows = list(csv.reader(text))
    finally:
        csv.field_size_limit(before)
    assert rows == [["name"], [HIDING], [LONG]]


def test_long_names_are_cut_where_people_read_and_stay_apart(hiding: Path) -> None:
    began = time.monotonic()
    table = traceql("query", "top-kernels", folder=hiding).stdout
    assert time.monotonic() - began < 20
    assert max(map(len, table.splitlines())) < 3 * values.MOST_SHOWN
    assert re.search(r"void very.*…\[\d+,\d+ more, [0-9a-f]{6}\]….*<end>", table)
    other = LONG.replace("veryvery", "VERYvery", 100_000).replace("VERY", "very", 50_000)
    assert values.drawn(other) != values.drawn(LONG)
    assert len(values.drawn(LONG)) <= values.MOST_DRAWN


@pytest.mark.long
def test_pages_and_pictures_hold_neither_long_names_nor_what_cannot_be_seen(hiding: Path) -> None:
    with library.open(hiding / "traces.duckdb") as database:
        page = database.report(HIDING)
        picture = render.to_svg(database.chart("top_kernels"))
        ranges = render.to_svg(database.chart("range_launches"))
    assert len(page.encode()) < 5_000_000
    written = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert len(written) < 2_000_000
    assert unseen_in(written) == set()
    for svg in (picture, ranges):
        assert unseen_in(svg) == set()
        # Control characters are no XML.
        ElementTree.fromstring(svg)
        assert len(svg) < 200_000


def page_of_long_names(kind: str) -> str:
    """The page of a trace in which ten kernels, and ten ranges of a timeline, have names of a megabyte each."""
    names = [f"void {number} " + "very" * 250_000 + f"<end {number}>" for number in range(10)]
    made = nsys.Recording() if kind == "nsys" else ncu.Profile()
    for number, name in enumerate(names):
        at = 100 * number
        if isinstance(made, nsys.Recording):
            work = nsys.kernel(name, at + 20, at + 30 + number, full=f"{name}()")
            made.range(name, at, at + 90).call("cudaLaunchKernel_v7000", at + 10, at + 12, work)
        else:
            made.kernel(name, "step", metrics={"gpu__time_duration.sum": (100 + number, "nsecond")})
    with library.open(":memory:") as database:
        store.store(database, made.report(), "run")
        return database.report("run")


@pytest.mark.long
@pytest.mark.parametrize("kind", ["nsys", "ncu"])
def test_a_page_of_ten_names_of_a_megabyte_is_smaller_than_five(kind: str) -> None:
    page = page_of_long_names(kind)
    assert len(page.encode()) < 5_000_000
    written = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    # What one of the names would take alone.
    assert len(written) < 1_000_000
    for number in range(10):
        assert f"&lt;end {number}&gt;" in written


@pytest.mark.parametrize("name", ["\udcff", "a\ud800b", "\u202e", "\U000e0101", "\u034f", "\x00", "\ue000"])
def test_every_unseen_character_is_written_out(name: str) -> None:
    assert values.printable(name).isascii()
    assert "\\" in values.printable(name)


# --- programs -------------------------------------------------------------------------------------------

FILES = (b"--quiet", b"-o", b"a\nb", b"\xff\xfe", b"$(touch X)", b"%q{HOME}", b"run[1]?#%41")


@pytest.mark.parametrize("name", FILES, ids=ascii)
def test_nsys_is_given_the_whole_path_of_a_report(
    name: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "nsys"
    program.parent.mkdir()
    program.write_text(f"""#!/bin/sh
[ "$1" = --version ] && echo version 2025.3.1 && exit
printf '%s\\0' "$@" > '{tmp_path}/words'; exit 1
""")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    path = Path(os.fsdecode(name))
    path.write_bytes(b"report")
    with pytest.raises(ReportError):
        nsys_tool.export(path, tmp_path, 60)
    words = (tmp_path / "words").read_bytes().split(b"\0")[:-1]
    assert words[-1] == os.fsencode(tmp_path) + b"/" + name
    assert words[:2] == [b"export", b"--type"]
    assert not Path("X").exists()


@pytest.mark.long
@pytest.mark.parametrize("name", FILES, ids=ascii)
def test_reports_and_tables_of_any_name_are_read(name: bytes, tmp_path: Path) -> None:
    source = lzma.decompress((REPORTS / "scv_baseline_off.ncu-rep.xz").read_bytes())
    report, table = tmp_path / os.fsdecode(name + b".ncu-rep"), tmp_path / os.fsdecode(name + b".csv")
    report.write_bytes(source)
    table.write_text("gpu,ms\nH200,1\n")
    said = traceql("ingest", "--", report.name, folder=tmp_path)
    assert (said.returncode, unseen_in(said.stderr)) == (0, set())
    said = traceql("import-runs", "--", table.name, folder=tmp_path)
    assert (said.returncode, unseen_in(said.stderr)) == (0, set())
    assert not (tmp_path / "X").exists()


def test_a_program_that_looks_like_an_option_is_not_handed_to_a_profiler(tmp_path: Path) -> None:
    refused = traceql("collect", "nsys", "--dry-run", "--", "--version", folder=tmp_path)
    assert refused.returncode == 2
    assert "./NAME" in refused.stderr


@pytest.mark.parametrize("unseen", ["\x1b[2J", "\u202e", "\u200b"])
def test_headers_of_questions_hide_nothing(unseen: str, tmp_path: Path) -> None:
    (tmp_path / "topic").mkdir()
    header = f"-- What?\n-- @column a BIGINT  it{unseen}\n\nSELECT 1 AS a ORDER BY a\n"
    (tmp_path / "topic" / "asked.sql").write_text(header)
    said = traceql("--queries", tmp_path, "query", "asked", "--help", folder=tmp_path)
    assert said.returncode == 1
    assert "asked.sql:2: the header holds a character that cannot be seen" in said.stderr
    assert unseen_in(said.stdout + said.stderr) == set()


# --- spreadsheets ---------------------------------------------------------------------------------------


def test_formulas_are_escaped_when_asked_and_numbers_stay_numbers(tmp_path: Path) -> None:
    texts = ["=1+1", "+a", "-cmd", "@sum", "\t=1", "\r=1", "＝1", "-5", "+1.5e3", "plain", None, "a=b"]
    table = pa.table({"=name": texts, "n": [-1.5] * len(texts)})
    written = io.BytesIO()
    formats.safe_csv(table, written)
    rows = list(csv.reader(io.StringIO(written.getvalue().decode(), newline="")))
    assert rows[0] == ["'=name", "n"]
    assert [row[0] for row in rows[1:]] == [
        "'=1+1", "'+a", "'-cmd", "'@sum", "'\t=1", "'\r=1", "'＝1", "-5", "+1.5e3", "plain", "", "a=b",
    ]  # fmt: skip
    assert {row[1] for row in rows[1:]} == {"-1.5"}


@pytest.mark.long
def test_the_option_for_spreadsheets_is_for_csv_alone(tmp_path: Path) -> None:
    fill(tmp_path, ["t"])
    asked = ("sql", "SELECT '=1' AS a", "--safe-csv")
    assert traceql(*asked, "-f", "csv", folder=tmp_path).stdout == "a\n'=1\n"
    assert traceql(*asked[:2], "-f", "csv", folder=tmp_path).stdout == "a\n=1\n"
    refused = traceql(*asked, folder=tmp_path)
    assert refused.returncode == 2
    assert "--format csv" in refused.stderr
