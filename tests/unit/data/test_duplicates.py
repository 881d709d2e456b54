"""Duplicates and lengths, against the slow way of counting them."""

import random
from collections import Counter

import pytest

from qwen_recipes.data import duplicates
from qwen_recipes.data.duplicates import DuplicateFinder, row_dtype
from qwen_recipes.data.length_histogram import LengthHistogram
from qwen_recipes.data.minhash import (
    NEAR_DUPLICATE_SIMILARITY,
    compute_sketch,
    compute_sketches,
    estimate_similarity,
    hash_factors,
)

numpy = pytest.importorskip("numpy")


def rows(hashes, sketches=None, held=()):
    made = numpy.zeros(len(hashes), row_dtype())
    made["hash"], made["line"] = hashes, range(1, len(hashes) + 1)
    made["sketch"] = numpy.arange(len(hashes) * 40).reshape(-1, 40) % 251 if sketches is None else sketches
    made["validation"] = [place in held for place in range(len(hashes))]
    return made


@pytest.mark.parametrize("at_once", [7, 100, 10_000])
def test_exact_duplicates_are_those_of_a_set(monkeypatch, at_once):
    monkeypatch.setattr(duplicates, "ROWS_PER_PASS", at_once)
    monkeypatch.setattr(duplicates, "ROWS_PER_BLOCK", 30)
    draw = random.Random(1)
    hashes = [draw.randrange(150) for _ in range(400)]
    with DuplicateFinder() as found:
        found.add_rows(rows(hashes[:123]))
        found.add_rows(rows(hashes[123:]))
        exact = found.find_exact()
    seen, wanted = set(), []
    for one in hashes:
        wanted.append(one in seen)
        seen.add(one)
    assert exact.repeat_mask.tolist() == wanted
    assert exact.count == sum(wanted)
    assert len(exact.repeated_pairs) == 5


def test_a_validation_row_that_is_a_training_row_leaks():
    with DuplicateFinder() as found:
        found.add_rows(rows([1, 2, 3, 2, 9, 9], held={3, 4, 5}))
        exact = found.find_exact()
    assert (exact.count, exact.leaked_count) == (2, 1)
    ((leak, first),) = exact.leaked_pairs
    assert (leak.line, first.line) == (4, 2)


def words(draw, count):
    return numpy.array([draw.getrandbits(44) for _ in range(count)], numpy.uint64)


def share(one, other):
    first, second = ({tuple(text[i : i + 3]) for i in range(len(text) - 2)} for text in (one.tolist(), other.tolist()))
    return len(first & second) / len(first | second)


def changed(draw, text, count):
    made = text.copy()
    for place in draw.sample(range(len(text)), count):
        made[place] = draw.getrandbits(44)
    return made


def test_a_sketch_estimates_the_share():
    draw, functions = random.Random(2), hash_factors()
    errors = []
    for count in (0, 1, 2, 4, 8, 16, 40):
        for _ in range(40):
            text = words(draw, 200)
            other = changed(draw, text, count)
            errors.append(
                float(estimate_similarity(compute_sketch(text, functions), compute_sketch(other, functions)))
                - share(text, other)
            )
    assert abs(sum(errors) / len(errors)) < 0.01
    assert max(map(abs, errors)) < 0.3


def test_near_duplicates_are_found_and_others_are_not(monkeypatch):
    monkeypatch.setattr(duplicates, "ROWS_PER_PASS", 50)
    draw, functions = random.Random(4), hash_factors()
    texts = [words(draw, 200) for _ in range(100)]
    near = [changed(draw, text, 3) for text in texts[:50]]
    assert min(share(a, b) for a, b in zip(texts, near, strict=False)) > NEAR_DUPLICATE_SIMILARITY
    far = [changed(draw, text, 40) for text in texts[:50]]
    with DuplicateFinder() as found:
        every = [*texts, *near, *far]
        found.add_rows(rows(range(len(every)), [compute_sketch(text, functions) for text in every]))
        repeats = found.find_near(found.find_exact())
    assert repeats.repeat_mask[100:150].sum() >= 48
    assert repeats.repeat_mask[:100].sum() == repeats.repeat_mask[150:].sum() == 0


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_short_texts_have_a_sketch(count):
    assert compute_sketch(words(random.Random(1), count), hash_factors()).shape == (40,)


@pytest.mark.parametrize("counts", [[5], [0], [2, 1], [3, 3], [1, 7, 0, 3, 4, 2], [200, 2, 200, 3]])
def test_sketches_of_many_texts_are_those_of_each(counts):
    draw, functions = random.Random(7), hash_factors()
    texts = [words(draw, count) for count in counts]
    assert (compute_sketches(texts, functions) == [compute_sketch(text, functions) for text in texts]).all()


def test_lengths():
    lengths = LengthHistogram(Counter({10: 90, 100: 9, 5000: 1}))
    assert (lengths.count, lengths.tokens, lengths.longest_row) == (100, 6800, 5000)
    assert [lengths.percentile(p) for p in (50, 90, 95, 99, 100)] == [10, 10, 100, 100, 5000]
    assert lengths.count_longer(100) == 1
    assert lengths.suggest_sequence_length(40_960) == 256
    assert LengthHistogram(Counter({30_000: 1})).suggest_sequence_length(1000) == 1000
    assert (
        LengthHistogram().longest_row,
        LengthHistogram().percentile(50),
        LengthHistogram().compute_packing_efficiency(100),
    ) == (0, 0, 0.0)


def slow_packs(rows, limit):
    """Best fit, longest first, one row at a time."""
    packs = []
    for length in sorted(rows, reverse=True):
        fitting = [p for p in range(len(packs)) if packs[p] + length <= limit]
        if fitting:
            packs[max(fitting, key=lambda p: packs[p])] += length
        else:
            packs.append(length)
    return len(packs)


def test_packing_is_best_fit():
    draw = random.Random(6)
    for _ in range(200):
        limit = draw.choice((7, 20, 64, 100))
        drawn = [draw.randint(1, draw.choice((limit, 12, 3 * limit))) for _ in range(draw.randint(1, 60))]
        fitting = [length for length in drawn if length <= limit]
        packs = slow_packs(fitting, limit)
        wanted = sum(fitting) / (packs * limit) if packs else 0.0
        assert LengthHistogram(Counter(drawn)).compute_packing_efficiency(limit) == pytest.approx(wanted)
