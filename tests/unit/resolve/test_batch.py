"""micro x accumulation x GPUs is the batch, exactly, or the error's own advice works."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_recipes.backends.plan import HardwarePlan
from qwen_recipes.gpus.catalogue import load_gpus
from qwen_recipes.recipe.spec.training import Training
from qwen_recipes.resolve.batch import resolve_batch
from qwen_recipes.resolve.decisions import PlanDecisions


def split(size, micro, gpus, gpu=None, length=2048):
    notes = PlanDecisions()
    hardware = HardwarePlan("cuda", None, gpus, 1, "ddp")
    training = Training(**{k: v for k, v in (("batch_size", size), ("micro_batch_size", micro)) if v})
    batch = resolve_batch(training, hardware, gpu, length, notes)
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
