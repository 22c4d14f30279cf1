"""The language of checks: expressions of DuckDB's SQL over the columns of an answer, and nothing else."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

from traceql.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traceql.ask.answer import Asker

# Functions and operators whose value is no larger than what they are given, and types of such values.
_PLAIN = frozenset(
    re.findall(
        r"\S+",
        """
    + - * / // % ** ^ & | ~ ~~ !~~ ~~* !~~* abs any_value arg_max arg_min array_extract avg bool_and
    bool_or cardinality ceil ceiling contains count count_if count_star ends_with exp first floor
    greatest isfinite isinf isnan last least left len length list_contains ln log log10 log2 lower
    ltrim max max_by mean median min min_by mode nullif pow power prefix quantile_cont quantile_disc
    regexp_full_match regexp_matches right round rtrim sign split_part sqrt starts_with stddev
    stddev_pop stddev_samp strlen struct_extract substr substring suffix sum trim trunc upper
    var_pop var_samp variance
    """,
    )
)
_PLAIN_CLASSES = frozenset(
    ("BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "OPERATOR")
)
_PLAIN_TYPES = frozenset(
    ("BIGINT", "BOOLEAN", "DATE", "DECIMAL", "DOUBLE", "FLOAT", "HUGEINT", "INTEGER", "TIMESTAMP", "VARCHAR")
)

#: Characters of one expression.
MOST_CHARACTERS = 10_000

# Functions that make something large of something small, in one step that nothing interrupts.
_SWELLING = frozenset(
    re.findall(
        r"\w+",
        """
    array_reduce array_resize bar format generate_series list_reduce list_resize lpad printf range reduce
    regexp_replace repeat replace rpad
    """,
    )
)


def one_expression(ask: Asker, text: str) -> list[Any]:
    """The syntax tree of one expression over columns; raises for anything else."""
    # On lines of their own: a comment in the text ends there.
    found = expressions(ask, text, f"(\n{text}\n)")
    if len(found) != 1 or any(node.get("class") == "STAR" for node in _nodes(found)):
        raise _no_expression(text)
    return found


def known(ask: Asker, text: str) -> str:
    """The same expression, in which a quotient is NULL where its divisor is 0: it is no number that is known.

    DuckDB makes it infinite, or NaN, which it says to be larger than every number.
    """
    parsed = json.loads(_serialized(ask, f"(\n{text}\n)"))
    pattern = json.loads(_serialized(ask, "nullif(b, 0)"))["statements"][0]["node"]["select_list"][0]
    quotients = [node for node in _nodes(parsed) if node.get("function_name") == "/"]
    for node in quotients:
        divisor = node["arguments"][1]
        whole = copy.deepcopy(pattern)
        whole["arguments"][0]["expression"] = divisor["expression"]
        divisor["expression"] = whole
    if not quotients:
        return text
    made = ask.store.run("SELECT json_deserialize_sql($tree::JSON) AS made", {"tree": json.dumps(parsed)})
    return str(made.column(0)[0].as_py()).removeprefix("SELECT ")


def is_plain(trees: list[Any]) -> bool:
    """Whether expressions only compare and sum up: whatever the columns hold, their values are no larger."""
    return all(_is_plain(node) for node in _nodes(trees) if "class" in node)


def _is_plain(node: dict[str, Any]) -> bool:
    if node["class"] == "FUNCTION":
        return node["function_name"].lower() in _PLAIN
    if node["class"] == "TYPE":
        return node["type_name"].upper() in _PLAIN_TYPES
    return node["class"] in _PLAIN_CLASSES


def expressions(ask: Asker, text: str, selected: str) -> list[Any]:
    """The syntax trees of a list of expressions, as DuckDB parses them.

    Args:
        ask: the database whose parser it is.
        text: as written, for the message.
        selected: the same as it will be part of a statement.

    Raises:
        QueryError: it is something else than that, or asks for other data.
    """
    if len(text) > MOST_CHARACTERS:
        raise QueryError(
            f"an expression of {len(text):,} characters, of which at most {MOST_CHARACTERS:,} are allowed",
            "Write a question of your own for what is longer.",
        )
    parsed = json.loads(_serialized(ask, selected))
    if parsed["error"]:
        raise QueryError(f"{text.strip()}: {parsed['error_message']}", "Write an expression of SQL.")
    nodes = [statement["node"] for statement in parsed["statements"]]
    if len(nodes) != 1 or nodes[0]["type"] != "SELECT_NODE" or nodes[0]["from_table"]["type"] != "EMPTY":
        raise _no_expression(text)
    found: list[Any] = nodes[0]["select_list"]
    clauses = ("where_clause", "having", "qualify", "sample", "group_expressions", "modifiers")
    if any(nodes[0][clause] for clause in clauses):
        raise _no_expression(text)
    for node in _nodes(found):
        if node.get("class") == "SUBQUERY":
            raise _no_expression(text)
        if (name := str(node.get("function_name", "")).lower()) in _SWELLING:
            raise QueryError(
                f"{text.strip()}: {name} is not for checks: a few letters of it fill the memory",
                "Compare numbers and texts of the answer's columns.",
            )
    return found


def _serialized(ask: Asker, selected: str) -> str:
    answer = ask.store.run("SELECT json_serialize_sql($sql) AS parsed", {"sql": f"SELECT {selected}"})
    return str(answer.column(0)[0].as_py())


def _no_expression(text: str) -> QueryError:
    return QueryError(
        f"{text.strip()}: not an expression over the answer's columns",
        "Checks take expressions only: no statements, no subqueries, no stars.",
    )


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of a JSON tree."""
    if isinstance(tree, dict):
        yield tree
    for child in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _nodes(child)
