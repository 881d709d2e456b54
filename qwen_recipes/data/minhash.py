"""A row's text in 40 bytes, such that rows that share most of their wording share most of the bytes (MinHash).

Broder, "On the resemblance and containment of documents" (1997): of two sets, the share of equal minima under random
hash functions estimates the share of elements that they have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy

    Array = numpy.ndarray[Any, Any]

SKETCH_SIZE = 40
"""Hash functions, one byte kept of each minimum."""
SHINGLE_WORDS = 3
"""Words in a row that count as one element."""
BAND_SIZE = 5
"""Bytes of a sketch that have to be equal for two rows to be compared: 8 bands of 5."""
NEAR_DUPLICATE_SIMILARITY = 0.8
"""Share of common elements from which rows count as near duplicates."""
_MIX_CONSTANT = 0x9E3779B97F4A7C15


def compute_sketch(words: Array, factors: Array) -> Array:
    """SKETCH_SIZE bytes for the hashes of a text's words. `factors`: see `hash_factors`."""
    import numpy

    if len(words) >= SHINGLE_WORDS:
        elements = _hash_shingles(words)
    else:
        elements = words * numpy.uint64(_MIX_CONSTANT) if len(words) else numpy.zeros(1, numpy.uint64)
    return _keep_bytes(numpy.minimum.reduce(factors[:, None] * _mix_bits(elements), axis=1))


def compute_sketches(texts: Sequence[Array], factors: Array) -> Array:
    """What `compute_sketch` makes of each text, shape (texts, SKETCH_SIZE): many short ones at once take less time."""
    import numpy

    made = numpy.empty((len(texts), SKETCH_SIZE), numpy.uint8)
    sizes = numpy.array([len(words) for words in texts])
    for at in numpy.flatnonzero(sizes < SHINGLE_WORDS).tolist():
        made[at] = compute_sketch(texts[at], factors)
    longer = numpy.flatnonzero(sizes >= SHINGLE_WORDS)
    if len(longer):
        made[longer] = _sketch_joined([texts[at] for at in longer.tolist()], sizes[longer], factors)
    return made


def _sketch_joined(texts: Sequence[Array], sizes: Array, factors: Array) -> Array:
    """Sketches of texts of at least SHINGLE_WORDS words."""
    import numpy

    ends = sizes.cumsum()
    hashes = factors[:, None] * _mix_bits(_hash_shingles(numpy.concatenate(texts)))
    # from a text's first shingle to behind its last: the next two begin in this text and end in the next
    bounds = numpy.stack([ends - sizes, ends - (SHINGLE_WORDS - 1)], axis=1).ravel()[:-1]
    return _keep_bytes(numpy.minimum.reduceat(hashes, bounds, axis=1)[:, ::2].T)


def _hash_shingles(words: Array) -> Array:
    """A number for each SHINGLE_WORDS words that follow one another."""
    import numpy

    mix = numpy.uint64(_MIX_CONSTANT)
    found: Array = (words[:-2] * mix + words[1:-1]) * mix + words[2:]
    return found


def _mix_bits(elements: Array) -> Array:
    import numpy

    elements ^= elements >> numpy.uint64(29)
    elements *= numpy.uint64(_MIX_CONSTANT)
    elements ^= elements >> numpy.uint64(32)
    return elements


def _keep_bytes(lowest: Array) -> Array:
    import numpy

    kept: Array = (lowest >> numpy.uint64(24)).astype(numpy.uint8)
    return kept


def hash_factors() -> Array:
    """The hash functions: odd numbers to multiply with, always the same."""
    import numpy

    drawn = numpy.random.Generator(numpy.random.PCG64(40)).integers(0, 1 << 63, SKETCH_SIZE, dtype=numpy.uint64)
    odd: Array = drawn * numpy.uint64(2) + numpy.uint64(1)
    return odd


def estimate_similarity(first: Array, second: Array) -> Array:
    """Estimated share of common elements, row by row; a byte is equal by chance in one of 256."""
    equal = (first == second).mean(axis=-1)
    share: Array = (equal - 1 / 256) / (1 - 1 / 256)
    return share
