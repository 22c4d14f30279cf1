"""The one-way street: who may import whom, and who owns which third-party package."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import traceql

PACKAGE = Path(traceql.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# Part → parts that it may import. Left to right is the way a datum takes.
ALLOWED = {
    "errors": set(),
    "schema": set(),
    "sqlfiles": set(),
    "readers": {"errors", "readers"},
    "normalise": {"sqlfiles", "readers"},
    "sidecar": {"errors", "runs"},
    "ingest": {"errors", "readers", "normalise", "sidecar"},
    "collect": {"errors", "sidecar"},
    "doctor": {"errors", "collect"},
    "catalog": {"errors", "sqlfiles"},
    "hardware": {"errors"},
    "predict": {"errors", "hardware"},
    "runs": {"errors"},
    "charts": {"errors", "catalog", "charts"},
    "database": {
        "database",
        "errors",
        "schema",
        "readers",
        "normalise",
        "ingest",
        "catalog",
        "hardware",
        "runs",
        # Database.chart, when it is called; the charts know no database.
        "charts",
    },
    "report": {"errors", "catalog", "charts", "database", "report"},
    "compare": {"errors", "catalog", "database"},
    "checks": {"errors", "catalog", "database"},
    "cli": {
        "errors",
        "schema",
        "readers",
        "ingest",
        "catalog",
        "hardware",
        "predict",
        "runs",
        "database",
        "charts",
        "report",
        "compare",
        "sidecar",
        "collect",
        "doctor",
        "checks",
        "cli",
    },
}
# Third-party package → the only part that may import it. Arrow tables are what the parts hand on.
OWNERS = {
    "duckdb": "database",
    "ncu_report": "readers",
    "click": "cli",
    "rich": "cli",
    "altair": "charts",
    "vl_convert": "charts",
    "jinja2": "report",
    "numpy": "readers",
}
SHARED = {"pyarrow", "polars"}


def part_of(module: Path) -> str:
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
    part = part_of(module)
    if part in ("__init__", "__main__"):
        return
    for name in imports(module):
        words = name.split(".")
        if words[0] == "traceql" and words[1] != "__version__":
            assert words[1] in ALLOWED[part], f"{part} imports {name}"


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_a_third_party_package_has_one_owner(module: Path) -> None:
    for name in imports(module):
        package = name.split(".")[0]
        if package == "traceql" or package in sys.stdlib_module_names or package in SHARED:
            continue
        assert package in OWNERS, f"{package}: not a dependency that anybody owns"
        assert OWNERS[package] == part_of(module), f"{package} belongs to {OWNERS[package]}"


def test_only_the_command_line_prints_or_exits() -> None:
    for module in MODULES:
        # The worker is a program of its own: it ends its process.
        if part_of(module) in ("cli", "__main__") or module.name == "worker.py":
            continue
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("print", "sys.exit", "exit", "os._exit"), f"{module}: {called}"


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
    assert dir(traceql) == ["Database", "__version__", "open"]
    assert all(hasattr(traceql, name) for name in traceql.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        traceql.nothing  # noqa: B018
