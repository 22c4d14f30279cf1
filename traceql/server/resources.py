"""What can be read without being asked for: the schema, the questions and the traces, each at an address.

=========================== =====================================================
``schema://tables``         every table and view: what one row is, and its columns
``question://NAME``         a question: what it takes and returns, and its SQL
``trace://NAME``            what is known about a trace, and what was not recorded
=========================== =====================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from traceql.errors import QueryError
from traceql.present.values import as_json
from traceql.server.tools import described
from traceql.tables import schema

if TYPE_CHECKING:
    from traceql.database import Database

#: Address with a name in it → what is there.
TEMPLATES = {
    "question://{name}": "A question of the catalogue: what it takes and returns, and its SQL",
    "trace://{name}": "What is known about a trace, and what was not recorded",
}
TABLES = "schema://tables"


def addresses(database: Database) -> dict[str, str]:
    """Every address that is there, with its title."""
    traces = database.sql("SELECT trace FROM traces ORDER BY trace_id")["trace"].to_list()
    return {
        TABLES: "Every table and view: what one row is, and its columns",
        **{f"trace://{quote(name, safe='')}": f"The trace {name}" for name in traces},
        **{f"question://{query.name}": query.title for query in database._asker.catalog.queries.values()},
    }


def read(database: Database, address: str) -> str:
    """What is at an address, as JSON text.

    Raises:
        QueryError: nothing is.
    """
    kind, _, rest = address.partition("://")
    name = unquote(rest.rstrip("/"))
    catalog = database._asker.catalog
    found: dict[str, Any]
    if address.rstrip("/") == TABLES:
        found = {
            "tables": {
                table.name: {"one_row": table.grain, "columns": {one.name: one.type for one in table.columns}}
                for table in (*schema.TABLES, *schema.SHIPPED.values())
            },
            "views": {
                view.name: {"one_row": view.title, "columns": {one.name: one.type for one in view.columns}}
                for view in catalog.views.values()
            },
        }
    elif kind == "question" and name in catalog.queries:
        found = {**described(catalog.queries[name]), "sql": catalog.queries[name].sql}
    elif kind == "trace":
        found = database.info(name)
    else:
        raise QueryError(f"{address}: nothing is there", f"There are {TABLES}, {', '.join(TEMPLATES)}.")
    return as_json(found)
