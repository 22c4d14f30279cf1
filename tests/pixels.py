"""Pictures as pixels: PNGs read and written, and how far two pictures differ. The PNG specification, third edition.

Knows what vl-convert writes (8 bits, red, green, blue and opacity) and what is written here: few colours, counted.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

_MAGIC = b"\x89PNG\r\n\x1a\n"
_COLORS = 255
#: From how far apart on a channel of 256 two pixels differ; what a rounded colour lacks is less.
_APART = 40


def decoded(png: bytes) -> np.ndarray:
    """The picture as rows of pixels of red, green and blue.

    Raises:
        AssertionError: it is none that is known here.
    """
    assert png.startswith(_MAGIC)
    chunks: dict[bytes, bytes] = {}
    at = len(_MAGIC)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        name = png[at + 4 : at + 8]
        chunks[name] = chunks.get(name, b"") + png[at + 8 : at + 8 + length]
        at += 12 + length
    width, height, bits, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    channels = {3: 1, 6: 4}[kind]
    assert (bits, interlaced) == (8, 0)
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + width * channels)
    plain = unfiltered(lines[:, 0], lines[:, 1:].reshape(height, width, channels))
    if kind == 3:
        return np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)[plain[..., 0]]
    # On white, as a page has it.
    opacity = plain[..., 3:].astype(np.uint16)
    mixed = (plain[..., :3] * opacity + 255 * (255 - opacity) + 127) // 255
    return mixed.astype(np.uint8)


def unfiltered(filters: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """The pixels that lines stand for. Each is told from those on its left and above: all of a diagonal at once.

    Args:
        filters: of each line, from 0 to 4.
        lines: bytes by line, pixel and channel.
    """
    height, width, channels = lines.shape
    if not filters.any():
        return lines
    # A pixel of zeros on the left and above.
    found = np.zeros((height + 1, width + 1, channels), np.int16)
    for diagonal in range(height + width - 1):
        y = np.arange(max(0, diagonal - width + 1), min(height, diagonal + 1))
        x = diagonal - y
        left, above, corner = found[y + 1, x], found[y, x + 1], found[y, x]
        # Paeth's: whichever is nearest to left + above - corner.
        from_left, from_above = np.abs(above - corner), np.abs(left - corner)
        from_corner = np.abs(left + above - 2 * corner)
        nearest = np.where(
            (from_left <= from_above) & (from_left <= from_corner),
            left,
            np.where(from_above <= from_corner, above, corner),
        )
        told = np.stack([np.zeros_like(left), left, above, (left + above) // 2, nearest])
        found[y + 1, x + 1] = (lines[y, x] + told[filters[y], np.arange(len(y))]) % 256
    return found[1:, 1:].astype(np.uint8)


def encoded(pixels: np.ndarray) -> bytes:
    """A small PNG of a picture: of its colours the most frequent, and for each other one the nearest of these."""
    rounded = np.minimum((pixels.astype(np.uint16) + 4) // 8 * 8, 255).astype(np.uint8)
    colors, place, counts = np.unique(rounded.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
    kept = np.argsort(-counts, kind="stable")[:_COLORS]
    apart = np.abs(colors[:, None].astype(np.int16) - colors[kept][None]).sum(axis=2)
    numbers = apart.argmin(axis=1).astype(np.uint8)[place.reshape(-1)].reshape(pixels.shape[:2])
    lines = np.concatenate([np.zeros((len(numbers), 1), np.uint8), numbers], axis=1)
    head = struct.pack(">IIBBBBB", numbers.shape[1], numbers.shape[0], 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", head),
        (b"PLTE", colors[kept].tobytes()),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
        (b"IEND", b""),
    )
    return _MAGIC + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in parts
    )


def differing(found: np.ndarray, wanted: np.ndarray) -> float:
    """The share of pixels that differ to the eye; of pictures of unlike size all do."""
    if found.shape != wanted.shape:
        return 1.0
    return float((np.abs(found.astype(np.int16) - wanted).max(axis=2) > _APART).mean())
