"""A judgement in the forms that pull requests show: test cases in JUnit's XML, and a summary in Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from traceql.present.values import counted, human, readable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from traceql.ask.verdict import Judged, Judgement

# What Markdown would take for more than a letter.
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$-])")
# Of what did not change, a summary lists no more.
_LISTED = 20


def junit(judgement: Judgement) -> str:
    """XML that servers of continuous integration read: an effect is a test case, and fails where it is worse.

    What cannot be told is an error of its case, and what was not judged is skipped.
    """
    sides = " → ".join(", ".join(side) for side in (judgement.baseline, judgement.variant))
    suite = ElementTree.Element(
        "testsuite",
        name=_xml(f"traceql diff {sides}"),
        tests=str(len(judgement.judged) + len(judgement.apart)),
        failures=str(sum(one.outcome == "worse" for one in judgement.judged)),
        errors=str(sum(one.outcome == "cannot tell" for one in judgement.judged)),
        skipped=str(len(judgement.apart)),
    )
    for one in (*judgement.judged, *judgement.apart):
        case = ElementTree.SubElement(
            suite, "testcase", classname=f"traceql.{one.effect['topic']}", name=_xml(one.name)
        )
        if one.outcome == "worse":
            failure = ElementTree.SubElement(case, "failure", type="worse", message=_xml(_beside_gate(one)))
            failure.text = _xml(_numbers(one))
        elif one.outcome == "cannot tell":
            error = ElementTree.SubElement(case, "error", type="cannot tell", message=_xml(one.reason))
            error.text = _xml(_numbers(one))
        elif one.outcome is None:
            ElementTree.SubElement(case, "skipped", message=_xml(one.reason))
        else:
            ElementTree.SubElement(case, "system-out").text = _xml(_numbers(one))
    if not judgement.judged:
        # Nothing fails where nothing was asked: a server would show it as passed.
        case = ElementTree.SubElement(suite, "testcase", classname="traceql", name="verdict")
        ElementTree.SubElement(case, "error", type="cannot tell", message=_xml(judgement.sentence))
        suite.set("tests", str(len(judgement.apart) + 1))
        suite.set("errors", "1")
    ElementTree.SubElement(suite, "system-out").text = _xml("\n".join(judgement.notes))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def markdown(judgement: Judgement) -> str:
    """A summary for people: the verdict, a table of what was judged, and what to know beside it."""
    before, after = (", ".join(map(_code, side)) for side in (judgement.baseline, judgement.variant))
    lines = [
        f"### traceql diff: {judgement.outcome}",
        "",
        f"{before} → {after}",
        "",
    ]
    if judgement.judged:
        lines += _table(judgement.judged[:_LISTED])
        if (more := len(judgement.judged) - _LISTED) > 0:
            lines += ["", f"And {more:,} more."]
    if judgement.apart:
        lines += ["", f"Not judged: {counted(len(judgement.apart), 'effects')}."]
    lines += ["", *(f"- {_text(note)}" for note in judgement.notes)]
    return "\n".join(lines).rstrip() + "\n"


def _table(judged: Iterable[Judged]) -> list[str]:
    lines = [
        "| verdict | of | change | 95 % interval | gate | share |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for one in judged:
        effect, gate = one.effect, one.gate
        low, high = effect["low_pct"], effect["high_pct"]
        cells = (
            f"**{one.outcome}**" if one.outcome == "worse" else f"{one.outcome}",
            _code(one.name).replace("|", "\\|"),
            "" if effect["effect_pct"] is None else f"{effect['effect_pct']:+.2f} %",
            _text(one.reason) if low is None else f"{low:+.2f} to {high:+.2f} %",
            "" if gate is None else f"{gate.gate_pct:g} %",
            "" if effect["share_pct"] is None else f"{effect['share_pct']:.1f} %",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _beside_gate(one: Judged) -> str:
    gate = "" if one.gate is None else f", beyond the gate of {one.gate.gate_pct:g} %"
    return f"{one.change}{gate}"


def _numbers(one: Judged) -> str:
    return "\n".join(f"{name} {human(value, name)}" for name, value in one.row().items() if value is not None)


def _xml(text: str) -> str:
    """A stranger's text, line by line, with what XML cannot hold written out."""
    return "\n".join(readable(line) for line in text.split("\n"))


def _code(text: str) -> str:
    """A stranger's text as Markdown shows code: without markup, links, or mentions of people."""
    shown = readable(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    return f"{fence} {shown} {fence}" if shown[:1] == "`" or shown[-1:] == "`" else f"{fence}{shown}{fence}"


def _text(text: str) -> str:
    """A sentence that quotes strangers, without markup or mentions of people."""
    return _MARKUP.sub(r"\\\1", readable(text)).replace("@", "`@`")
