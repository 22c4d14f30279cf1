"""The collectors that come with traceql: scripts that record real workloads.

They are a package of their own, `collectors`, which lies beside traceql in a clone, and in a folder of its
own inside the installed package: site-packages get no module of that name.
"""

from __future__ import annotations

import ast
import importlib
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

_STARTED = 'if __name__ == "__main__":'


def folder() -> Path:
    """Where the package `collectors` lies."""
    package = Path(__file__).parents[1]
    installed = package / "scripts"
    return installed if installed.is_dir() else package.parent


@cache
def collectors() -> dict[str, str]:
    """The scripts by name, with what each measures; the package's other modules are their parts."""
    texts = {
        path.stem: path.read_text(encoding="utf-8") for path in sorted((folder() / "collectors").glob("*.py"))
    }
    return {
        name: (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
        for name, text in texts.items()
        if _STARTED in text
    }


def load(name: str) -> ModuleType:
    """Import a collector; its command is called ``main``."""
    path = str(folder())
    if path not in sys.path:
        sys.path.insert(0, path)
    return importlib.import_module(f"collectors.{name}")
