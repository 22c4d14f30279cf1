"""The tools that programs are offered. Each is given JSON and answers JSON; errors are answers, too."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from traceql.ask import check_files
from traceql.draw import charts, render
from traceql.errors import ParameterError, TraceqlError
from traceql.given import real
from traceql.nearest import did_you_mean
from traceql.predict import architectures, hardware, serving
from traceql.predict.config import LARGEST
from traceql.server import capped
from traceql.server.contracts import Reply, Tool, an_object, error, refused, taken_by, unfit, usage
from traceql.store import ingest
from traceql.tables import migrations, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from traceql.database import Database
    from traceql.questions.question import Query

_TEXT = {"type": "string"}
_TRACE = {
    "type": "string",
    "description": "name of a trace, a pattern of names (llama_*), or a tag (gpu=h200)",
}
_TRACES = {"type": "array", "items": _TEXT, "minItems": 1, "description": "names, patterns or tags of traces"}
_QUESTION = {"type": "string", "description": "name of a question, see the tool questions"}
_PARAMETERS = {"type": "object", "description": "its parameters; the tool describe has their schema"}
_ROWS = {
    "type": "integer",
    "minimum": 1,
    "maximum": capped.MOST_ROWS,
    "default": capped.ROWS,
    "description": "rows that are told at most",
}
_PLACE = {
    "from": {
        "type": ["string", "integer"],
        "description": "only what ends then or later: 1.5s, 200ms; bare: ns",
    },
    "to": {"type": ["string", "integer"], "description": "only what starts before"},
    "within": {"type": "string", "description": "only what belongs to these NVTX ranges: step*, step*#3"},
}


class Tools:
    """What can be asked of a database.

    Args:
        database: that is asked.
        roots: folders whose reports may be ingested; none: no report may.
    """

    def __init__(self, database: Database, roots: Sequence[Path] = ()) -> None:
        self._db = database
        self._roots = tuple(root.resolve() for root in roots)
        self.all = {tool.name: tool for tool in self._tools()}

    def call(self, name: str, given: Mapping[str, Any]) -> Reply:
        """Use a tool; what goes wrong is a reply that says so."""
        tool = self.all.get(name)
        if tool is None:
            guess = did_you_mean(name, self.all)
            return refused(
                "unknown_tool", f"{name}: no such tool", f"{guess}There are {', '.join(self.all)}."
            )
        if wrong := unfit(tool.takes, given):
            return refused("arguments", f"{name}: {wrong}", usage(tool.takes))
        try:
            return tool.call(given)
        except TraceqlError as reason:
            return error(reason)

    def _tools(self) -> list[Tool]:
        def tool(
            call: Callable[[Mapping[str, Any]], Reply],
            title: str,
            description: str,
            required: tuple[str, ...] = (),
            **properties: dict[str, Any],
        ) -> Tool:
            takes = an_object({key.rstrip("_"): value for key, value in properties.items()}, required)
            return Tool(call.__name__.strip("_"), title, description, takes, call)

        # A word of Python's.
        place: dict[str, Any] = {"from_" if name == "from" else name: told for name, told in _PLACE.items()}
        found = [
            tool(
                self._list_traces,
                "Traces of the database",
                "Begin here: names, profilers (nsys has a timeline, ncu has counters), GPUs, tags, and what "
                "was not recorded, with the option that records it.",
                trace=_TRACE,
            ),
            tool(
                self._why,
                "What is wrong with traces",
                "Ranked findings with the time that each costs at most, its place, what to try, and the "
                "question that proves it; and what cannot be told, with what to record.",
                ("traces",),
                traces=_TRACES,
                limit={"type": "integer", "minimum": 1, "default": 10, "description": "most findings"},
                **place,
            ),
            tool(
                self._questions,
                "Questions that can be asked",
                "Names, titles and topics of the catalogue; search narrows them by words.",
                search={"type": "string", "description": "words that its name, title or text has"},
                topic={"type": "string", "description": "only this topic"},
            ),
            tool(
                self._describe,
                "What a question, table, view or column is",
                "Of a question: what it answers, the JSON Schema of its parameters, its columns with units, "
                "what it needs. Of a table or view: what one row is, and its columns.",
                ("name",),
                name={"type": "string", "description": "of a question, table or view, or TABLE.COLUMN"},
            ),
            tool(
                self._ask,
                "Ask a question of the catalogue",
                "Rows, the number of all rows, and notes that belong to them, each with a code: what was not "
                "recorded, what is known in part.",
                ("question",),
                question=_QUESTION,
                parameters=_PARAMETERS,
                rows=_ROWS,
            ),
            tool(
                self._sql,
                "Ask in SQL",
                "One SELECT of DuckDB over the tables (tool describe, resource schema://tables), read-only, "
                "without files or network.",
                ("statement",),
                statement={"type": "string", "description": "one SELECT"},
                trace=_TRACE,
                rows=_ROWS,
            ),
            tool(
                self._compare,
                "What differs between traces",
                "Findings, and differences by kernel, range, call and counter, largest first.",
                ("baseline", "variant"),
                baseline=_TRACES,
                variant=_TRACES,
                topic={"type": "string", "description": "trace, kernel, range, api_call, copy or launch"},
                rows=_ROWS,
                **place,
            ),
            tool(
                self._check,
                "Judge traces by checks",
                "Verdicts (pass, fail, cannot tell) of a shipped file of checks, each with evidence.",
                ("file",),
                file={"type": "string", "enum": sorted(self._db._asker.catalog.checks)},
                baseline=_TRACE,
                variant=_TRACE,
            ),
            tool(
                self._chart,
                "Draw a question's answer",
                "A PNG picture.",
                ("question",),
                question={"type": "string", "description": "name of a question that has a chart"},
                parameters=_PARAMETERS,
            ),
            tool(
                self._predict,
                "Floor of a model's step",
                "What the roofline says of a decode step or a prefill before a run: FLOP, bytes, what binds, "
                "and the least time, per part of the model; measured times lie above.",
                ("step", "gpu", "config"),
                step={"type": "string", "enum": ["decode", "prefill"]},
                gpu={"type": "string", "description": "H200, A100-SXM, or as a trace calls it"},
                config={"type": "object", "description": "content of the model's config.json"},
                batch={"type": "integer", "minimum": 1, "maximum": LARGEST, "default": 1},
                tokens={
                    "type": "integer",
                    "minimum": 1,
                    "maximum": LARGEST,
                    "default": 1,
                    "description": "decode: tokens in each sequence's cache; prefill: length of each prompt",
                },
                dtype={"type": "string", "description": "of the arithmetic; by default the configuration's"},
            ),
        ]
        if self._roots:
            found.append(
                replace(
                    tool(
                        self._ingest,
                        "Read a report into the database",
                        f"An .nsys-rep, .ncu-rep or export below {', '.join(map(str, self._roots))}.",
                        ("path",),
                        path={"type": "string", "description": "of the report"},
                        name={
                            "type": "string",
                            "description": "for the trace; by default made from the file's",
                        },
                        tags={"type": "object", "additionalProperties": {"type": ["string", "number"]}},
                    ),
                    changes=True,
                )
            )
        return found

    # --- what there is ----------------------------------------------------------------------------------

    def _list_traces(self, given: Mapping[str, Any]) -> Reply:
        listed = self._db.sql(
            "SELECT trace, profiler, tool_version, gpu, captured_at, trace_duration_ns, tags, complete,"
            " unread FROM traces ORDER BY trace_id",
            trace=given.get("trace", ()),
        )
        content = capped.rows(listed.to_arrow(), capped.MOST_ROWS)
        for row in content["rows"]:
            unread = row.pop("unread")
            # Of these nobody looked whether they were recorded.
            unstored = row["not_stored_by_older_traceql"] = migrations.not_stored(unread)
            missing = ingest.missing(self._db._store, row["trace"])
            row["not_recorded"] = {name: how for name, how in missing.items() if name not in unstored}
            row["recorded_not_read"] = migrations.recorded(unread)
        return Reply(content)

    def _questions(self, given: Mapping[str, Any]) -> Reply:
        words = str(given.get("search", "")).lower().replace("-", "_").split()
        topic = given.get("topic")
        found = [
            {"name": query.name, "topic": query.topic, "title": query.title}
            for query in self._db._asker.catalog.queries.values()
            if topic in (None, query.topic)
            and all(word in f"{query.name} {query.title} {query.body}".lower() for word in words)
        ]
        # Others may only mention it.
        found.sort(key=lambda one: not all(word in one["name"] for word in words))
        return Reply({"questions": found, "total": len(self._db._asker.catalog.queries)})

    def _describe(self, given: Mapping[str, Any]) -> Reply:
        name = str(given["name"])
        catalog = self._db._asker.catalog
        if query := catalog.queries.get(name.replace("-", "_")):
            return Reply(described(query))
        table, _, column = name.partition(".")
        columns: Mapping[str, tuple[str, str]]
        if known := schema.BY_NAME.get(table) or schema.SHIPPED.get(table):
            columns = {one.name: (one.type, one.meaning) for one in known.columns}
            about = {"table": table, "one_row": known.grain, "recorded_by": dict(known.collected_by)}
        elif view := catalog.views.get(table):
            columns = {one.name: (one.type, one.meaning) for one in view.columns}
            about = {"view": table, "one_row": view.title}
        else:
            names = (*schema.BY_NAME, *schema.SHIPPED, *catalog.views, *catalog.queries)
            raise ParameterError(
                f"{name}: no question, table or view has that name",
                f"{did_you_mean(name, names)}See the tool questions, or schema://tables.",
            )
        if column and column not in columns:
            guess = did_you_mean(column, columns)
            raise ParameterError(f"{table} has no column {column}", f"{guess}It has {', '.join(columns)}.")
        told = {key: {"type": kind, "meaning": meaning} for key, (kind, meaning) in columns.items()}
        return Reply({**about, "columns": {column: told[column]} if column else told})

    # --- answers ----------------------------------------------------------------------------------------

    def _ask(self, given: Mapping[str, Any]) -> Reply:
        answer = self._db.ask(_name(given["question"]), **_parameters(given))
        return Reply(
            {
                "question": answer.question.name,
                "notes": [{"code": note.code, "text": note.text} for note in answer.notes],
                **capped.rows(answer.table, _most(given), answer.total_rows),
            }
        )

    def _sql(self, given: Mapping[str, Any]) -> Reply:
        most = _most(given)
        statement = str(given["statement"]).strip().rstrip(";")
        # One more tells whether there are more, of which no more are computed than needed.
        limited = f"FROM (\n{statement}\n) LIMIT {most + 1}"
        frame = self._db.sql(limited, trace=given.get("trace", ()))
        content = capped.rows(frame.to_arrow(), most)
        if frame.height > most:
            counted = self._db.sql(f"SELECT count(*) FROM (\n{statement}\n)", trace=given.get("trace", ()))
            content["total_rows"] = counted.item()
        return Reply(content)

    def _why(self, given: Mapping[str, Any]) -> Reply:
        told = self._db.why(list(given["traces"]), limit=int(given.get("limit", 10)), **_window(given))
        content: dict[str, Any] = json.loads(told.to_json())
        return Reply(content)

    def _compare(self, given: Mapping[str, Any]) -> Reply:
        found = self._db.compare(
            list(given["baseline"]), list(given["variant"]), topic=given.get("topic"), **_window(given)
        )
        return Reply(
            {
                "baseline": list(found.baseline),
                "variant": list(found.variant),
                "notes": list(found.notes),
                "findings": capped.rows(found.findings.to_arrow())["rows"],
                **capped.rows(found.differences.to_arrow(), _most(given)),
            }
        )

    def _check(self, given: Mapping[str, Any]) -> Reply:
        name = str(given["file"])
        # A path would be one of the machine's files, which nobody has opened to be asked.
        if name not in self._db._asker.catalog.checks:
            raise ParameterError(
                f"{name}: no such checks", f"There are {', '.join(self._db._asker.catalog.checks)}."
            )
        verdicts = self._db.check(name, baseline=given.get("baseline"), variant=given.get("variant"))
        outcomes = [
            {
                "check": one.name,
                "outcome": one.outcome.replace(" ", "_"),
                "message": one.message,
                "notes": [*filter(None, [one.reason]), *one.notes],
                "evidence": [dict(row) for row in one.evidence[: capped.ROWS]],
            }
            for one in verdicts
        ]
        return Reply({"title": check_files.load(name, self._db._asker.catalog).title, "checks": outcomes})

    def _chart(self, given: Mapping[str, Any]) -> Reply:
        drawn = charts.draw(self._db._asker, _name(given["question"]), **_parameters(given))
        return Reply({"question": _name(given["question"]), "format": "png"}, png=render.to_png(drawn))

    def _predict(self, given: Mapping[str, Any]) -> Reply:
        gpu = hardware.find(str(given["gpu"]))
        model = architectures.from_config(dict(given["config"]))
        precision = given.get("dtype") or model.dtype
        batch, tokens = int(given.get("batch", 1)), int(given.get("tokens", 1))
        # A decode step adds one.
        longest = tokens + (given["step"] == "decode")
        if given["step"] == "decode":
            steps = serving.decode(model, gpu, batch=batch, context=tokens, precision=precision)
        else:
            steps = serving.prefill(model, gpu, tokens=tokens, batch=batch, precision=precision)
        needed = serving.needed_bytes(model, batch=batch, tokens=longest, precision=precision)
        too_long = serving.too_long(model, longest)
        parts = [
            {
                "part": step.part,
                "precision": step.precision,
                "flop": step.flop,
                "dram_bytes": step.dram_bytes,
                "flop_per_byte": step.flop_per_byte,
                "bound": step.bound,
                "floor_us": step.floor_s * 1e6,
            }
            for step in steps
        ]
        return Reply(
            {
                "gpu": gpu.name,
                "precision": precision,
                "parts": parts,
                "needed_bytes": needed,
                "fits": needed <= gpu.memory_bytes,
                "notes": [one for one in (hardware.assumption(given["gpu"]), too_long) if one],
            }
        )

    # --- changes ----------------------------------------------------------------------------------------

    def _ingest(self, given: Mapping[str, Any]) -> Reply:
        path = real(str(given["path"]))
        if not any(path.is_relative_to(root) for root in self._roots):
            named = ", ".join(map(str, self._roots))
            return refused("not_allowed", f"{given['path']}: reports are read from below {named} only")
        added = self._db.ingest(path, name=given.get("name"), tags=given.get("tags"))
        return Reply(
            {
                "trace": added.name,
                "status": added.status,
                "rows": dict(added.rows),
                "not_recorded": dict(added.missing),
                "recorded_not_read": list(added.unread),
                "warnings": list(added.warnings),
            }
        )


def described(query: Query) -> dict[str, Any]:
    """A question: what it answers, takes, returns and needs."""
    return {
        "question": query.name,
        "topic": query.topic,
        "title": query.title,
        "description": query.body,
        "parameters": taken_by(query),
        "columns": {one.name: {"type": one.type, "meaning": one.meaning} for one in query.columns},
        "needs": list(query.needs),
        "has_chart": bool(query.pictures),
        "on_the_command_line": f"traceql query {query.name.replace('_', '-')}",
    }


def _name(word: object) -> str:
    return str(word).replace("-", "_")


def _parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    parameters = given.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise ParameterError("parameters are no object", 'For example {"limit": 5}.')
    return {_name(key): value for key, value in parameters.items()}


def _window(given: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{name}_" if name == "from" else name: given[name] for name in _PLACE if name in given}


def _most(given: Mapping[str, Any]) -> int:
    return max(1, min(int(given.get("rows", capped.ROWS)), capped.MOST_ROWS))
