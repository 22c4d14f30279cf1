"""Names of files without what says how they are packed, or of what kind they are."""

from __future__ import annotations


def without_suffix(name: str, suffixes: tuple[str, ...]) -> str:
    """`name` without the first of the suffixes that it ends in, whatever their case; never empty."""
    for suffix in suffixes:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name
