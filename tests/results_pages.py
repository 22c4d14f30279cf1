"""The pages of docs/results, made by their own commands: ``python tests/results_pages.py`` writes them again.

A page keeps its text. What is made:

- the output below each ``$`` line of its console blocks, from a run of that line in an empty folder in which only
  `docs` and `tests` of this repository lie; a page begins with an empty database
- the table below each ``<!-- table: SELECT … -->``, from the CSV files that those commands wrote
- these files, which are kept in docs/results/answers and docs/results/charts
"""

from __future__ import annotations

import re
import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import consoles
import duckdb

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results"
KEPT = {".csv": RESULTS / "answers", ".svg": RESULTS / "charts"}
PAGES = sorted(RESULTS.glob("*.md"))

_TABLE = re.compile(r"^<!-- table: (.*?) -->\n(?:\|[^\n]*\n)*", re.DOTALL | re.MULTILINE)


def made(page: Path, folder: Path) -> str:
    """The page as its commands make it; the files that they write are left in the folder."""
    for name in ("docs", "tests"):
        (folder / name).symlink_to(ROOT / name)
    text = consoles.BLOCK.sub(
        lambda block: consoles.block(block[1], folder), page.read_text(encoding="utf-8")
    )
    return _TABLE.sub(lambda table: f"<!-- table: {table[1]} -->\n{_table(table[1], folder)}", text)


def written(folder: Path) -> list[Path]:
    """What the commands of a page wrote to be kept."""
    return sorted(path for path in folder.iterdir() if path.suffix in KEPT)


def _table(query: str, folder: Path) -> str:
    """A table of Markdown; the query names CSV files as tables, those of the commands and of the collectors."""
    with duckdb.connect() as connection:
        for path in [*folder.glob("*.csv"), *(RESULTS / "data").glob("*.csv")]:
            # To look at a file takes as long as to answer most queries.
            if re.search(rf"\b{re.escape(path.stem)}\b", query):
                connection.read_csv(str(path)).create_view(path.stem)
        found = connection.sql(query)
        rows = [found.columns, *found.fetchall()]
        right = [str(kind) not in ("VARCHAR", "BOOLEAN") for kind in found.types]
    lines = ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
    rule = "|" + "|".join("---:" if numbers else "---" for numbers in right) + "|"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def texts_of(chart: Path) -> list[str]:
    """What is written in an SVG; where a text stands depends on the fonts of the machine."""
    return re.findall(r">([^<>]+)</(?:text|tspan)>", chart.read_text(encoding="utf-8"))


def _main() -> None:
    for page in PAGES:
        began = datetime.now()
        with tempfile.TemporaryDirectory() as folder:
            text = made(page, Path(folder))
            for path in written(Path(folder)):
                KEPT[path.suffix].mkdir(exist_ok=True)
                shutil.copy(path, KEPT[path.suffix])
        page.write_text(text, encoding="utf-8")
        print(f"{page.name}: {datetime.now() - began}")


if __name__ == "__main__":
    _main()
