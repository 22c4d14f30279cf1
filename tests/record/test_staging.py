"""Staged KV writes, in plain Python: attention finds the same rows, and the cache ends as if written directly."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import staging

BLOCK = 16
DRAFTS = 4
BLOCKS = 6


@dataclass
class Cache:
    """One request's rows, in blocks that lie anywhere; a row is the token's place and the step that wrote it."""

    table: list[int]
    pages: list[int]
    rows: dict[int, tuple[int, int]] = field(default_factory=dict)

    def seen(self, table: list[int], length: int) -> list[tuple[int, int]]:
        """What attention reads."""
        return [self.rows[table[p // BLOCK] * BLOCK + p % BLOCK] for p in range(length)]


def direct(cache: Cache, context: int, rows: int, step: int) -> list[tuple[int, int]]:
    for place in range(context, context + rows):
        cache.rows[cache.table[place // BLOCK] * BLOCK + place % BLOCK] = (place, step)
    return cache.seen(cache.table, context + rows)


def staged(
    cache: Cache, context: int, rows: int, step: int, accepted: int, mirror: bool
) -> list[tuple[int, int]]:
    opened = staging.opened(context, rows, cache.table, cache.pages, BLOCK)
    if mirror:
        for source, target in staging.mirrored(context, opened.saved, cache.pages, BLOCK):
            cache.rows[target] = cache.rows[source]
    for slot, place in zip(opened.slots, range(context, context + rows), strict=True):
        cache.rows[slot] = (place, step)
    found = cache.seen(opened.table, context + rows)
    sampled = [1] * (1 + accepted) + [-1] * (DRAFTS - accepted)
    for source, target in staging.committed(sampled, opened.slots, opened.targets):
        cache.rows[target] = cache.rows[source]
    return found


@st.composite
def steps(draw: st.DrawFn) -> tuple[int, list[tuple[int, int, bool]]]:
    """A prompt, and for each step its drafts, how many are accepted, and whether it is staged."""
    prompt = draw(st.integers(1, 2 * BLOCK))
    one = st.integers(0, DRAFTS).flatmap(
        lambda drafts: st.tuples(st.just(drafts), st.integers(0, drafts), st.booleans())
    )
    return prompt, draw(st.lists(one, max_size=10))


@given(steps())
def test_a_staged_step_sees_and_leaves_what_a_direct_one_does(
    given: tuple[int, list[tuple[int, int, bool]]],
) -> None:
    prompt, sequence = given
    table = [7, 3, 11, 5, 2, 9]
    one, other = Cache(table, [20, 21]), Cache(table, [20, 21])
    for cache in (one, other):
        direct(cache, 0, prompt, step=0)
    context, was_staged = prompt, False
    for number, (drafts, accepted, is_staged) in enumerate(sequence, 1):
        rows = drafts + 1
        wanted = direct(one, context, rows, number)
        if is_staged:
            # The pages hold the rows from before only if the step before was staged, too.
            found = staged(other, context, rows, number, accepted, mirror=not was_staged)
        else:
            found = direct(other, context, rows, number)
        assert found == wanted
        context += accepted + 1
        was_staged = is_staged
        assert other.seen(table, context) == one.seen(table, context)


def test_a_rejected_row_is_never_written_to_the_cache() -> None:
    cache = Cache([7, 3], [20, 21])
    direct(cache, 0, 14, step=0)
    staged(cache, 14, 5, 1, accepted=1, mirror=True)
    assert {slot: row for slot, row in cache.rows.items() if row[1] and slot < 20 * BLOCK} == {
        7 * BLOCK + 14: (14, 1),
        7 * BLOCK + 15: (15, 1),
    }


def test_a_step_that_commits_nothing_is_noticed_by_the_next() -> None:
    cache = Cache([7, 3], [20, 21])
    direct(cache, 0, 14, step=0)
    opened = staging.opened(14, 2, cache.table, cache.pages, BLOCK)
    assert opened.targets == [7 * BLOCK + 14, 7 * BLOCK + 15]
    with pytest.raises(KeyError):
        cache.seen(cache.table, 16)


@given(st.integers(1, 64), st.integers(1, 40), st.integers(0, 200))
def test_a_step_spans_no_more_blocks_than_there_are_pages(block: int, rows: int, context: int) -> None:
    touched = {place // block for place in range(context, context + rows)}
    assert len(touched) <= staging.spans(block, rows)
    # No two of them share a page.
    assert len({number % staging.spans(block, rows) for number in touched}) == len(touched)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=6), st.integers(10, 12))
def test_a_verdict_is_the_targets_own_tokens_where_drafts_must_equal_them(
    pairs: list[tuple[int, int]], bonus: int
) -> None:
    drafts, target = [d for d, _ in pairs], [t for _, t in pairs]
    found = staging.verified(drafts, target, bonus, [d == t for d, t in pairs])
    kept = [token for token in found if token != -1]
    assert len(found) == len(drafts) + 1
    assert kept == [*target, bonus][: len(kept)]
    assert kept[:-1] == drafts[: len(kept) - 1]
    assert len(kept) == len(found) or drafts[len(kept) - 1] != target[len(kept) - 1]
