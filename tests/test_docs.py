"""The site of the documentation: it is built from docs/ and the code, is whole, and needs no network."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browsers import chromium
from shipped import REPORTS

import traceql
from traceql.cli import cli
from traceql.questions import catalog
from traceql.questions.question import FINDINGS
from traceql.read.ncu_rep import container as ncu_container
from traceql.read.nsys_rep.container import open_container
from traceql.read.source import open_source, plain_name
from traceql.tables import schema

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
MANIFEST = tomllib.loads((REPORTS.parent / "MANIFEST.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    result = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return folder


class _Fetched(HTMLParser):
    """What a page fetches by itself, and the names of its places."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.places: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.places.add(given.get("id") or "")
        # A link of <a> is followed by people; the canonical one by nobody.
        names = {"a": (), "link": ("href",)}.get(tag, ("src", "srcset", "data", "poster"))
        self.addresses += [given[name] or "" for name in names if given.get(name)]


def places(site: Path, page: str) -> set[str]:
    return _Fetched(site / page).places


@pytest.mark.long
def test_the_site_is_built_strictly_and_leaves_nothing_in_the_tree(site: Path) -> None:
    assert (site / "index.html").exists() and not (ROOT / "site").exists()
    # What is no page of the site is named, not linked.
    assert "queries/" in (site / "asking.html").read_text(encoding="utf-8")


@pytest.mark.long
def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        fetched = _Fetched(page).addresses
        assert any(address.endswith(".css") for address in fetched)
        assert not [address for address in fetched if re.match(r"(?:\w+:)?//", address)], page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(?:https?:)?//|@import", style.read_text(encoding="utf-8")), (
            style.name
        )


@pytest.mark.long
def test_the_site_is_read_and_searched_from_a_disk(site: Path) -> None:
    asked: list[str] = []
    with chromium() as browser:
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        failures: list[str] = []
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.goto((site / "index.html").as_uri())
        # The script of the pages is at work.
        page.locator("html.js").wait_for()
        page.locator("input.md-search__input").click()
        page.locator("input.md-search__input").press_sequentially("arithmetic intensity")
        page.locator(".md-search-result__article", has_text="intensity").first.wait_for()
        page.locator(
            ".md-search-result__link[href*='questions/roofline']", has_text="intensity"
        ).first.click()
        page.wait_for_url("**/reference/questions/roofline.html*")
        assert page.locator("h1").inner_text().startswith("roofline")
    assert len(asked) > 3 and not [
        url for url in asked if not url.startswith(("file:", "data:", "blob:", "about:"))
    ]
    assert failures == []


@pytest.mark.long
def test_every_question_has_its_place_with_parameters_and_columns(site: Path) -> None:
    for found in catalog.shipped().queries.values():
        page = f"reference/questions/{found.topic}.html"
        assert found.name.replace("_", "-") in places(site, page), found.name
        text = (site / page).read_text(encoding="utf-8")
        assert all(f"<code>--{param.name.replace('_', '-')}</code>" in text for param in found.params)
        assert all(f"<code>{column.name}</code>" in text for column in found.columns)


@pytest.mark.long
def test_every_table_view_command_and_public_name_has_its_place(site: Path) -> None:
    tables = places(site, "reference/tables.html")
    assert {*schema.BY_NAME, *schema.SHIPPED, *catalog.shipped().views} <= tables
    commands = places(site, "reference/commands.html")
    assert {f"traceql-{name}" for name in cli.commands or cli.list_commands(None)} <= commands
    python = places(site, "reference/python.html")
    public = [name for name in traceql.__all__ if not name.startswith("_")]
    assert {f"traceql.{name}" for name in public} <= python
    assert {
        f"traceql.Database.{name}" for name in ("ask", "ingest", "query", "sql", "chart", "why")
    } <= python


@pytest.mark.long
def test_help_is_shown_with_all_options_and_their_defaults(site: Path) -> None:
    text = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    assert "default: traces.duckdb]" in text
    assert "--keep-environment" in text and "traceql collect nsys" in text


def test_every_link_of_a_page_leads_to_a_file_of_the_repository() -> None:
    for page in PAGES:
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        for link in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_other_tools_are_compared_with_the_rules_there_are() -> None:
    rules = [query for query in catalog.shipped().queries.values() if query.topic == FINDINGS]
    assert f"{len(rules)} rules, ranked" in (DOCS / "other-tools.md").read_text(encoding="utf-8")


# --- which versions are read ------------------------------------------------------------------------------------

FORMS = {
    "Nsight Systems": {
        "`.nsys-rep`, `.qdrep`": (".nsys-rep", ".qdrep"),
        "SQLite export": (".sqlite",),
        "parquetdir, arrowdir": ("_pqtdir", "_arwdir"),
    },
    "Nsight Compute": {"`.ncu-rep`, `.nsight-cuprof-report`": (".ncu-rep", ".nsight-cuprof-report")},
}


def version_of(tool: str) -> str:
    """Of what the manifest says of a tool, the version as far as forms differ by it."""
    found = re.search(r"(before )?(20\d\d(?:\.\d+)?)", tool)
    assert found is not None, tool
    return found[0]


def matrix(tool: str) -> str:
    """How many shipped reports there are of each version, by form."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for name, entry in MANIFEST.items():
        for form, suffixes in FORMS[tool].items():
            if plain_name(name).endswith(suffixes):
                counts[version_of(entry["tool"])][form] += 1
    forms = list(FORMS[tool])
    lines = [f"| {tool} | {' | '.join(forms)} |", f"|---|{'---:|' * len(forms)}"]
    for version in sorted(counts, key=lambda text: [int(part) for part in re.findall(r"\d+", text)]):
        cells = (str(counts[version][form] or "") for form in forms)
        lines.append(f"| {version} | {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |"))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("tool", FORMS)
def test_the_versions_that_are_read_are_those_of_the_shipped_reports(tool: str) -> None:
    assert matrix(tool) in (DOCS / "limits.md").read_text(encoding="utf-8")


@pytest.mark.long
def test_the_reports_say_themselves_which_version_wrote_them() -> None:
    told = {}
    for name, entry in MANIFEST.items():
        if not plain_name(name).endswith((".nsys-rep", ".qdrep", ".ncu-rep")):
            continue
        with open_source(REPORTS / name) as source:
            if ".ncu-rep" in name:
                version = ncu_container.walk(source.path).versions["Nsight Compute Target"]
            else:
                version = open_container(source.path).source.tool_version or ""
        told[name] = (version.split(".")[:2], version_of(entry["tool"]).split("."))
    assert len(told) > 60
    assert {name: pair for name, pair in told.items() if pair[0] != pair[1]} == {}
