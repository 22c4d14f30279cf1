"""Protobuf messages whose texts are known by their place: rewritten field by field, the rest refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from traceql.read import protobuf
from traceql.read.protobuf import BYTES, WireError
from traceql.share.redact.removed import unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    #: What becomes of the bytes in a field; None: the field goes.
    Rule = Callable[[bytes], bytes | None]

# What bytes that are a text consist of.
_PRINTABLE: Final = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xff]+")

# Some texts are valid as messages, but no message of numbers has words.
_WORDS: Final = re.compile(rb"(?=.*[A-Za-z]{3})[\t\n\r\x20-\x7e]+", re.DOTALL)


def text_rule(change: Callable[[str], str]) -> Rule:
    """The rule of a field with a text; bytes that do not change stay as they are, UTF-8 or not."""

    def rule(content: bytes) -> bytes:
        before = content.decode("utf-8", "replace")
        after = change(before)
        return content if after == before else after.encode("utf-8", "replace")

    return rule


@dataclass(frozen=True)
class Fields:
    """The fields of the messages of one format.

    Attributes:
        file: for errors.
        rules: place of a field with a text, as numbers with dots between them → what becomes of it.
        messages: places of messages that are looked into.
    """

    file: str
    rules: Mapping[str, Rule]
    messages: AbstractSet[str]

    def redacted(self, message: bytes, place: str) -> bytes:
        """A message without what is private; numbers stay.

        Raises:
            UnsupportedReportError: it holds a text whose place is not known.
        """
        out = []
        for number, wire_type, value in protobuf.fields(message, 0, len(message)):
            here = f"{place}.{number}"
            if wire_type == BYTES and isinstance(value, bytes):
                changed = self.field(value, here)
                if changed is None:
                    continue
                value = changed
            out.append(protobuf.again(number, wire_type, value))
        return b"".join(out)

    def field(self, value: bytes, here: str) -> bytes | None:
        """The content of a text or message field; None: it goes. See `redacted`."""
        rule = self.rules.get(here)
        if rule is not None:
            return rule(value)
        if here in self.messages:
            try:
                return self.redacted(value, here)
            except WireError:
                raise unknown(self.file, "something that is no message", f"field {here}") from None
        # A message of numbers tells nothing; a text may look like one.
        if len(value) <= 1 or (is_numbers(value) and not _PRINTABLE.fullmatch(value)):
            return value
        raise unknown(self.file, f"a text or message of {len(value)} bytes", f"field {here}")


def is_numbers(content: bytes) -> bool:
    r"""Whether bytes are a message of nothing but numbers, or of messages of these; words are none.

    >>> is_numbers(b"\x08\x01"), is_numbers(b"alice-box")
    (True, False)
    """
    if _WORDS.fullmatch(content):
        return False
    try:
        for _, wire_type, value in protobuf.fields(content, 0, len(content)):
            if wire_type == BYTES and isinstance(value, bytes) and len(value) > 1 and not is_numbers(value):
                return False
    except WireError:
        return False
    return True


def texts_within(content: bytes, change: Callable[[str], str]) -> bytes:
    """A message of any kind with all texts in it changed, however deep they stand."""
    out = []
    for number, wire_type, value in protobuf.fields(content, 0, len(content)):
        if wire_type == BYTES and isinstance(value, bytes) and value:
            value = _text_or_message(value, change)
        out.append(protobuf.again(number, wire_type, value))
    return b"".join(out)


def _text_or_message(value: bytes, change: Callable[[str], str]) -> bytes:
    """Of bytes that could be either, a message's texts are changed first: a text has none."""
    try:
        inner = texts_within(value, change)
    except WireError:
        inner = value
    if inner != value or not _PRINTABLE.fullmatch(value):
        return inner
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return value
    changed = change(text)
    return value if changed == text else changed.encode()
