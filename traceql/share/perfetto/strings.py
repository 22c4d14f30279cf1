"""Texts by number: each is written once, before the first packet that means it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from traceql.share.perfetto import packets

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from numpy.typing import NDArray


class Strings:
    """The texts of a file that have a number, and who writes those that are new."""

    def __init__(self, write: Callable[[bytes], Any]) -> None:
        self._write = write
        self._numbers: dict[int, dict[str, int]] = {}

    def number(self, kind: int, text: str) -> int:
        """The number of a text; `kind` is one of those of `packets.interned`."""
        return int(self._known(kind, [text])[0])

    def numbers(self, kind: int, column: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
        """The numbers of a column of texts, and where there is one; None if everywhere."""
        encoded = column.dictionary_encode()
        known = self._known(kind, encoded.dictionary.to_pylist())
        if not column.null_count:
            return known[encoded.indices.to_numpy()], None
        present = column.is_valid().to_numpy(zero_copy_only=False)
        if not known.size:
            return np.zeros(len(column), np.int64), present
        return known[encoded.indices.fill_null(0).to_numpy()], present

    def _known(self, kind: int, texts: list[str]) -> NDArray[np.int64]:
        there = self._numbers.setdefault(kind, {})
        new = []
        for text in texts:
            if text not in there:
                there[text] = len(there) + 1
                new.append((there[text], text))
        if new:
            self._write(packets.interned(kind, new))
        return np.array([there[text] for text in texts], np.int64)
