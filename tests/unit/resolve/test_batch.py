"""micro x accumulation x GPUs is the batch, exactly, or the error's own advice works."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.plan import HardwarePlan
from qwen_recipes.gpus.catalogue import load_gpus
from qwen_recipes.recipe.example_lengths import summarize_lengths
from qwen_recipes.recipe.spec.training import Training
from qwen_recipes.resolve import resolve
from qwen_recipes.resolve.batch import SequenceSizes, resolve_batch
from qwen_recipes.resolve.decisions import PlanDecisions


def split(size, micro, gpus, gpu=None, length=2048):
    notes = PlanDecisions()
    hardware = HardwarePlan("cuda", None, gpus, 1, "ddp")
    written = (("batch_size", size and {"examples": size}), ("micro_batch_size", micro))
    training = Training(**{k: v for k, v in written if v})
    batch = resolve_batch(training, hardware, gpu, SequenceSizes(length, length, packing=False), notes)
    return batch, notes.problems


def exact(batch, gpus):
    return (
        batch.micro_batch_size * batch.gradient_accumulation * gpus == batch.size
        and min(batch.micro_batch_size, batch.gradient_accumulation) >= 1
    )


sizes = st.none() | st.integers(1, 64) | st.integers(1, 1_000_000)
micros = st.none() | st.integers(1, 8) | st.integers(1, 65536)


@settings(max_examples=600, deadline=None)
@given(sizes, micros, st.integers(1, 64), st.sampled_from([None, *load_gpus().values()]), st.integers(8, 262_144))
def test_sizes_multiply_back_or_the_advice_works(size, micro, gpus, gpu, length):
    batch, problems = split(size, micro, gpus, gpu, length)
    if not problems:
        assert exact(batch, gpus)
        assert (size or batch.size) == batch.size
        assert (micro or batch.micro_batch_size) == batch.micro_batch_size
        return
    (problem,) = problems
    advised = [int(n) for n in re.findall(r"\d+", problem.suggestion)]
    assert advised
    for number in advised:
        again = (number, micro) if problem.suggestion.startswith("batch_size") else (size, number)
        batch, problems = split(*again, gpus, gpu, length)
        if problem.suggestion.startswith("batch_size"):
            assert not problems
            assert exact(batch, gpus)
        else:  # a size of its own for the batch follows in the next piece of advice, which then works
            assert not problems or problems[0].suggestion.startswith("batch_size")


@pytest.mark.parametrize(
    ("size", "micro", "gpus", "gpu", "length", "expected"),
    [
        (None, None, 1, None, 2048, (16, 2, 8)),
        (None, None, 3, None, 2048, (3, 1, 1)),
        (None, None, 64, None, 2048, (64, 1, 1)),
        (16, None, 1, "t4", 2048, (16, 2, 8)),
        (16, None, 1, "rtx-3060", 2048, (16, 1, 16)),
        (16, None, 1, "h100", 2048, (16, 4, 4)),
        (16, None, 1, "h100", 512, (16, 16, 1)),
        (16, None, 1, "h100", 100_000, (16, 1, 16)),
        (7, None, 1, "h100", 8, (7, 7, 1)),
        (12, 3, 2, None, 2048, (12, 3, 2)),
        (1_000_000, None, 1, None, 8, (1_000_000, 500, 2000)),
    ],
)
def test_what_follows(size, micro, gpus, gpu, length, expected):
    batch, problems = split(size, micro, gpus, load_gpus()[gpu] if gpu else None, length)
    assert not problems
    assert (batch.size, batch.micro_batch_size, batch.gradient_accumulation) == expected


def test_the_error_names_both_neighbours():
    _, (problem,) = split(10, 2, 2)
    assert problem.suggestion == "batch_size: 8 or 12"
    assert problem.route == ("training", "batch_size")


LENGTHS = summarize_lengths([100] * 50 + [550] * 50)
"""325 tokens in the mean."""


def split_packed(pack_length, gpus=1, lengths=LENGTHS, **training):
    notes = PlanDecisions()
    asked = Training(packing=True, **training)
    sequences = SequenceSizes(2048, pack_length, packing=True, lengths=lengths)
    batch = resolve_batch(asked, HardwarePlan("cuda", None, gpus, 1, "ddp"), None, sequences, notes)
    return batch, notes


@pytest.mark.parametrize(
    ("pack_length", "gpus", "examples", "packs"),
    [(2048, 1, 16, 3), (8192, 1, 16, 1), (8192, 1, 64, 3), (4096, 2, 64, 6), (8192, 4, 16, 4), (2048, 8, 64, 8)],
)
def test_packs_hold_as_many_examples_as_whole_packs_allow(pack_length, gpus, examples, packs):
    batch, notes = split_packed(pack_length, gpus, batch_size={"examples": examples})
    assert not notes.problems
    assert batch.size == packs
    assert exact(batch, gpus)
    each = batch.examples / packs
    assert packs == max(1, round(examples / each / gpus)) * gpus
    assert batch.tokens == pytest.approx(batch.examples * 325, rel=0.01)


def test_packs_can_be_counted_instead():
    batch, notes = split_packed(8192, batch_size={"packs": 16}, micro_batch_size=4)
    assert (batch.size, batch.gradient_accumulation) == (16, 4)
    assert batch.examples == pytest.approx(16 * 8192 / 325, rel=0.05)
    assert notes.reasons["training.batch_size"].fields == ("training.batch_size.packs",)


def test_a_batch_of_packs_follows_a_micro_batch_that_was_written():
    batch, notes = split_packed(2048, batch_size={"examples": 32}, micro_batch_size=4)
    assert not notes.problems
    assert batch.size == 4


def test_without_lengths_a_pack_counts_as_an_example_and_says_so():
    batch, notes = split_packed(8192, lengths=None, batch_size={"examples": 8})
    assert (batch.size, batch.examples, batch.tokens) == (8, None, None)
    assert "mean length is not known" in notes.reasons["training.batch_size"].text


@pytest.mark.parametrize(
    ("backend", "attention", "validation", "size"),
    [
        ("axolotl", "sdpa", 0.1, 1),
        ("axolotl", "eager", 0.1, 1),
        ("axolotl", "flex_attention", 0.1, 4),
        ("axolotl", "sdpa", None, 4),
        ("llamafactory", "sdpa", 0.1, 4),
    ],
)
def test_packs_that_fill_no_micro_batch_are_evaluated(loaded, backend, attention, validation, size):
    """Axolotl drops an incomplete batch of packs: with few of them nothing was evaluated, and nothing said so."""
    training = {"packing": True, "attention": attention, "micro_batch_size": 4, "batch_size": 8}
    changes = {
        "training": training,
        "data": {"train": "rows.jsonl", **({"validation": validation} if validation else {})},
    }
    made = resolve(loaded(changes), load_backend(backend)).training
    assert (made.micro_batch_size, made.evaluation_micro_batch_size) == (4, size)
