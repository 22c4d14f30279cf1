"""The way of a datum goes one way: who may import whom, and who owns which third-party package."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import traceql
from traceql import errors

PACKAGE = Path(traceql.__file__).parent
ROOT = PACKAGE.parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# Room → rooms that it may import, beside itself; from top to bottom the way a datum takes.
ALLOWED = {
    "errors": set(),
    "nearest": set(),
    "statuses": set(),
    "rows": set(),
    "given": {"errors"},
    "declared": {"errors", "given"},
    "read": {"errors", "given", "declared"},
    "tables": {"errors", "given", "read"},
    "questions": {"errors", "given", "nearest", "tables"},
    "predict": {"errors", "given", "nearest", "declared"},
    "record": {"errors", "read"},
    "store": {
        "errors",
        "rows",
        "nearest",
        "statuses",
        "given",
        "declared",
        "read",
        "tables",
        "questions",
        "predict",
    },
    "arguments": {"errors", "given", "read", "store"},
    "present": {"errors", "rows"},
    "ask": {
        "errors",
        "arguments",
        "rows",
        "nearest",
        "given",
        "declared",
        "read",
        "tables",
        "questions",
        "predict",
        "store",
        "present",
    },
    "cluster": {"errors", "questions", "read", "store", "ask"},
    "draw": {"errors", "nearest", "questions", "ask", "present"},
    "report": {"errors", "nearest", "read", "questions", "store", "ask", "present", "draw"},
    "share": {"errors", "given", "read", "tables", "questions", "ask"},
    "server": {
        "errors",
        "given",
        "nearest",
        "questions",
        "tables",
        "store",
        "predict",
        "present",
        "ask",
        "draw",
        "database",
    },
    "database": {
        "errors",
        "given",
        "arguments",
        "read",
        "tables",
        "questions",
        "store",
        "ask",
        "cluster",
        "draw",
        "report",
        "share",
    },
    "cli": {
        "errors",
        "given",
        "rows",
        "nearest",
        "statuses",
        "read",
        "tables",
        "questions",
        "predict",
        "record",
        "store",
        "present",
        "ask",
        "cluster",
        "draw",
        "report",
        "share",
        "server",
        "database",
    },
}
# Third-party package → the only room that may import it. Arrow tables are what the rooms hand on.
OWNERS = {
    "duckdb": "store",
    "_duckdb": "store",
    "ncu_report": "read",
    "numpy": "read",
    "msgspec": "declared",
    "click": "cli",
    "rich": "cli",
    "altair": "draw",
    "vl_convert": "draw",
    "jinja2": "report",
    "xlsxwriter": "present",
    "dask": "cluster",
    "distributed": "cluster",
    **dict.fromkeys(("mcp", "mcp_types", "anyio", "uvicorn"), "server"),
}
SHARED = {"pyarrow", "polars"}
# Declared forms are structs of msgspec, wherever they are declared.
# Columns of numbers are decoded with numpy where reports are read, and encoded where they leave.
SEVERAL = {
    "msgspec": {"declared", "read", "predict", "store", "ask"},
    "numpy": {"read", "share"},
    "anyio": {"server", "cli"},
}


def room_of(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(module: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{module}: relative import"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_a_module_imports_only_what_lies_before_it(module: Path) -> None:
    room = room_of(module)
    if room in ("__init__", "__main__"):
        return
    for name in imports(module):
        words = name.split(".")
        if words[0] == "traceql" and words[1] != "__version__":
            assert words[1] in ALLOWED[room] | {room}, f"{room} imports {name}"


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_a_third_party_package_has_one_owner(module: Path) -> None:
    for name in imports(module):
        package = name.split(".")[0]
        if package == "traceql" or package in sys.stdlib_module_names or package in SHARED:
            continue
        assert package in OWNERS, f"{package}: not a dependency that anybody owns"
        owners = SEVERAL.get(package, {OWNERS[package]})
        assert room_of(module) in owners, f"{package} belongs to {OWNERS[package]}"


@pytest.mark.long
def test_nothing_that_may_be_imported_is_not() -> None:
    used = {room: set() for room in ALLOWED}
    for module in MODULES:
        if (room := room_of(module)) in used:
            used[room] |= {name.split(".")[1] for name in imports(module) if name.startswith("traceql.")}
    for room, allowed in ALLOWED.items():
        assert allowed <= used[room], (
            f"{room} is allowed {sorted(allowed - used[room])}, which it does not need"
        )


def test_every_room_says_what_it_owns_and_does_not_know() -> None:
    rooms = [PACKAGE / room for room in ALLOWED if (PACKAGE / room).is_dir()]
    for room in rooms:
        said = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8"))) or ""
        assert len(said.splitlines()) > 1, f"{room.name} says nothing about itself"
        # Its table names every module that is there, and no other.
        rows = [line for line in said.splitlines() if line.startswith("`")]
        named = {name for row in rows for name in re.findall(r"(?<!`)`(\w+)`(?!`)", row)}
        there = {
            place.stem
            for place in room.iterdir()
            if (place.suffix == ".py" or (place / "__init__.py").is_file()) and place.stem != "__init__"
        }
        if room.name not in ("cli", "draw"):  # cli: one file per command; draw: one per family of charts
            assert named == there, room.name


def test_the_picture_of_the_house_names_what_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = {word for word in text.replace("`", " ").split() if word.startswith("traceql/")}
    assert named
    for word in named:
        place = word.rstrip(".,:;)").removesuffix("/**")
        assert (ROOT / place).exists(), f"docs/architecture.md names {place}"
    for room in ALLOWED:
        assert f"{room}" in text


@pytest.mark.long
def test_only_the_command_line_prints_or_exits() -> None:
    for module in MODULES:
        # The child, with its copies, and the fingerprint are programs of their own: they end their process.
        if room_of(module) in ("cli", "__main__") or module.name in (
            "child.py",
            "in_turn.py",
            "fingerprint.py",
        ):
            continue
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("print", "sys.exit", "exit", "os._exit"), f"{module}: {called}"


@pytest.mark.long
def test_nothing_talks_through_warnings() -> None:
    for module in MODULES:
        # Which silence one of DuckDB's, and one of Python's.
        if module in (
            PACKAGE / "store" / "connection.py",
            PACKAGE / "read" / "nsys_rep" / "in_turn.py",
        ):
            continue
        assert not any(name.split(".")[0] == "warnings" for name in imports(module)), module


def run_python(code: str) -> str:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return result.stdout + result.stderr


def test_importing_the_package_loads_nothing_heavy_and_prints_nothing() -> None:
    code = "import sys, traceql; print(sorted({'altair', 'duckdb', 'pyarrow', 'polars', 'click'} & set(sys.modules)))"
    assert run_python(code).strip() == "[]"


def test_building_the_command_line_loads_nothing_heavy() -> None:
    code = "import sys, traceql.cli; print(sorted({'altair', 'duckdb', 'pyarrow', 'polars', 'rich'} & set(sys.modules)))"
    assert run_python(code).strip() == "[]"


def test_the_public_names_are_these() -> None:
    tree = [name for name, value in vars(errors).items() if inspect.isclass(value)]
    assert sorted(dir(traceql)) == sorted(["Answer", "Database", "__version__", "open", "redact", *tree])
    assert all(hasattr(traceql, name) for name in traceql.__all__)
    assert all(issubclass(getattr(traceql, name), traceql.TraceqlError) for name in tree)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        traceql.nothing  # noqa: B018


def test_a_database_does_this_and_no_more() -> None:
    public = {name for name in vars(traceql.Database) if not name.startswith("_")}
    tables = {
        "advice", "api_calls", "diagnostics", "doubts", "environment", "focus_metrics", "gpu_architectures", "gpu_samples",
        "gpu_specs", "gpus", "graph_launches", "graph_nodes", "kernels", "launch_stacks", "memory_events", "memory_ops", "metric_instances", "metrics", "ncu_ranges",
        "os_calls", "processes", "sass_instructions", "source_markers",
        "range_ancestors", "ranges", "run_metrics", "runs", "range_calls", "syncs", "threads", "traces",
        "memory_pool_events", "event_records", "library_calls", "library_messages", "directives", "profiler_overhead",
        "um_cpu_page_faults", "um_gpu_page_faults", "cpu_samples", "python_samples", "thread_states", "call_stacks",
        "counter_samples", "gpu_context_switches", "streams", "generic_events", "contexts", "graph_events",
        "kernel_clusters",
    }  # fmt: skip
    assert public - tables == {
        "ask", "query", "sql", "chart", "compare", "compare_ranks", "verdict", "check", "why", "kernel_card", "report", "info", "tables", "unanswerable",
        "ingest", "ingest_all", "import_runs", "tag", "redact", "rename", "drop", "drop_runs", "compact", "export", "export_perfetto", "export_speedscope", "close",
    }  # fmt: skip
    assert tables <= public


def test_an_answer_does_this_and_no_more() -> None:
    public = {name for name in dir(traceql.Answer) if not name.startswith("_")}
    declared = {"question", "parameters", "table", "notes", "total_rows"}
    assert public | declared == declared | {"frame", "to_pandas", "chart", "drawing", "to_json"}


def test_every_module_of_the_tests_is_found_by_one_name_alone() -> None:
    # pytest puts the folder of a test file in front of the path, unless it is a package: what lies in such folders is
    # imported by its bare name, and which of two of one name that is would hang on what was imported before.
    folders = {file.parent for file in (ROOT / "tests").rglob("test_*.py")} | {ROOT / "tests"}
    places: dict[str, list[str]] = {}
    for folder in (folder for folder in folders if not (folder / "__init__.py").exists()):
        for path in (*folder.glob("*.py"), *(inner.parent for inner in folder.glob("*/__init__.py"))):
            places.setdefault(path.stem, []).append(str(path.relative_to(ROOT)))
    # Of this name pytest imports one for each folder, and ruff lets nobody else import it.
    assert len(places.pop("conftest")) > 1
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
    installed = {
        *sys.stdlib_module_names,
        *metadata.packages_distributions(),
        *OWNERS,
        "traceql",
        "collectors",
    }
    assert len(places) > 100 and not places.keys() & installed
