"""Home folders and names of users in texts that are stored: ``/home/alice/run.py`` becomes ``~/run.py``.

NVIDIA's rules quote files of who installed or profiled, ranges and warnings those of who wrote them. A home
is known by its place (``/home``, ``/Users``, ``/root``, ``Users`` of a Windows drive), or because the
report's own environment names it; so is the name of its user, of which folders elsewhere are called.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

# A name ends where its part of a path does, or the path itself.
_PART: Final = r"""[^/\\\s'"`:;,<>()\[\]{}|]+"""
# What may stand before a path: no part of another one.
_BEFORE: Final = r"(^|[^\w.~/\\-]|//)"
_AFTER: Final = r"""([/\\\s'"`:;,<>()\[\]{}|]|$)"""
_PLACES: Final = (
    # On Windows a name may have blanks, if its path goes on.
    (r"""\b[A-Za-z]:[\\/]+Users[\\/]+[^\\/:*?"'<>|\r\n]+([\\/])""", r"~\1"),
    (r"\b[A-Za-z]:[\\/]+Users[\\/]+" + _PART, "~"),
    (_BEFORE + "/(?:home|Users)/" + _PART, r"\1~"),
    (_BEFORE + "/root" + _AFTER, r"\1~\2"),
    # Mounted deeper: /mnt/home/alice.
    ("/(home|Users)/" + _PART, r"/\1/~"),
)
_HOME: Final = re.compile(r"(?:^|[\s\0;])(?:HOME|USERPROFILE)=([^\s\0;]+)")
_USER: Final = re.compile(r"(?:^|[\s\0;])(?:USER|LOGNAME|USERNAME)=([^\s\0;]+)")
# Of a machine's own users folders of programs are called, too.
_NOBODY: Final = frozenset({"root", "user", "nobody", "ubuntu", "admin", "nvidia", "cuda", "home", "users"})


class Homes:
    """What is to be shortened in the texts of one report.

    Args:
        environment: private facts about the profiled process: (variable, content).
    """

    def __init__(self, environment: Iterable[tuple[str, str]] = ()) -> None:
        facts = [f"{name}={content}" for name, content in environment]
        facts += [content for _, content in environment]
        homes = {found.rstrip("/\\") for fact in facts for found in _HOME.findall(fact)}
        users = {found for fact in facts for found in _USER.findall(fact)}
        users |= {content for name, content in environment if name in ("USER_NAME", "USER")}
        # The longest first: one may lie in another.
        own = sorted((home for home in homes if len(re.findall(r"[/\\]\w", home)) > 1), key=len, reverse=True)
        named = sorted(user for user in users if len(user) > 1 and user.lower() not in _NOBODY)
        self._changes = [
            *((_BEFORE + re.escape(home) + _AFTER, r"\1~\2") for home in own),
            *_PLACES,
            *((r"([/\\])" + re.escape(user) + _AFTER, r"\1<user>\2") for user in named),
        ]
        self._words = [word.encode() for word in ("/home/", "Users", "/root", *own, *named)]

    def shortened(self, text: str) -> str:
        r"""A text without them.

        >>> Homes().shortened("see '/home/alice/a.py', C:\\Users\\Al B\\b.py and /root")
        "see '~/a.py', ~\\b.py and ~"
        """
        for pattern, instead in self._changes:
            text = re.sub(pattern, instead, text)
        return text

    def shortened_table(self, table: pa.Table) -> pa.Table:
        """A table whose texts are without them."""
        import pyarrow as pa

        for index, column in enumerate(table.schema):
            kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
            if pa.types.is_string(kind) or pa.types.is_large_string(kind):
                chunks = [self._column(chunk) for chunk in table.column(index).chunks]
                table = table.set_column(index, column.name, pa.chunked_array(chunks, column.type))
        return table

    def _column(self, texts: pa.Array) -> pa.Array:
        import pyarrow as pa

        if pa.types.is_dictionary(texts.type):
            return pa.DictionaryArray.from_arrays(texts.indices, self._column(texts.dictionary))
        # Hardly ever there is one: a look at the bytes of all texts together is enough then.
        together = texts.buffers()[2]
        content = together.to_pybytes() if together is not None else b""
        if not any(word in content for word in self._words):
            return texts
        # Takes as long as all other imports of pyarrow.
        import pyarrow.compute as pc

        for pattern, instead in self._changes:
            texts = pc.replace_substring_regex(texts, pattern, instead)
        return texts
