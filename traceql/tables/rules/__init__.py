"""What stored rows and SELECTs over them both follow: said once, over the tables of whoever reads it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from traceql.tables import sqlfiles


def applied(sql: str) -> str:
    """SQL in which ``FROM rule_NAME`` reads what ``NAME.sql`` says, over the tables that it names."""
    # Most SQL names none, and to look for words takes longer than to see that.
    if "rule_" not in sql:
        return sql
    return re.sub(r"\bFROM rule_(\w+)", lambda match: f"FROM ({rule(match[1])})", sql)


@cache
def rule(name: str) -> str:
    """The SELECT of one rule."""
    file = f"{name}.sql"
    return sqlfiles.untagged(Path(__file__).parent / file, f"rules/{file}")
