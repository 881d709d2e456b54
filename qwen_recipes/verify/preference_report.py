"""A framework's preference examples against ours, example by example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from qwen_recipes.backends import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.data.encoder import EncodedRow, Encoder
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.verify.compare import TokenDifference, compare_tokens
from qwen_recipes.verify.preference_batches import SeenPreference, read_preferences
from qwen_recipes.verify.preference_sample import SampledPreference
from qwen_recipes.verify.report import BackendComparison, DifferenceExample, format_context
from qwen_recipes.verify.row_sample import SampledRow
from qwen_recipes.verify.trainer_probe.probe_jobs import ProbeJob, ask_for_batches, prepare_probe

Sides = tuple[EncodedRow, ...]


def prepare_preference_job(
    loaded: LoadedRecipe, plan: Plan, backend: Backend, folder: Path, rows: int, examples: int
) -> ProbeJob:
    """A probe that draws every example of the first `rows` rows of each source. Raises as `prepare_probe`."""
    sources = tuple(replace(source, weight=1.0) for source in plan.data.train)
    data = replace(plan.data, train=sources, validation=(), validation_share=None)
    training = replace(plan.training, evaluate_every="never", early_stopping=None)
    job = prepare_probe(loaded, replace(plan, data=data, training=training), backend, folder, rows)
    ask_for_batches(job, -(-examples // job.plan.training.micro_batch_size))
    return job


def read_job(job: ProbeJob, plan: Plan) -> list[SeenPreference]:
    """The examples that the framework drew. Raises ProbeFailedError, ValueError."""
    return read_preferences(job.read_observation()["batches"]["micro_batches"], plan.objective.type)


def align_examples(sampled: Sequence[SampledPreference], seen: Sequence[SeenPreference]) -> dict[int, SeenPreference]:
    """The framework's examples by the place of ours: the same ones first, then those that begin most alike.

    A framework draws them in an order of its own.
    """
    left = list(seen)
    found: dict[int, SeenPreference] = {}
    by_sides: dict[Any, list[int]] = {}
    for place, one in enumerate(left):
        by_sides.setdefault(_make_key(one.sides), []).append(place)
    taken: set[int] = set()
    for place, ours in enumerate(sampled):
        if places := by_sides.get(_make_key(ours.sides)):
            taken.add(places[-1])
            found[place] = left[places.pop()]
    rest = [one for place, one in enumerate(left) if place not in taken]
    for place, ours in enumerate(sampled):
        if place not in found and rest:
            nearest = max(range(len(rest)), key=lambda other: _count_shared(ours.sides, rest[other].sides))
            found[place] = rest.pop(nearest)
    return found


def _make_key(sides: Sides) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(numbers) for side in sides for numbers in (side.ids, side.labels[1:]))


def _count_shared(ours: Sides, theirs: Sides) -> int:
    pairs = [(a, b) for one, other in zip(ours, theirs, strict=False) for a, b in zip(one.ids, other.ids, strict=False)]
    return next((place for place, (a, b) in enumerate(pairs) if a != b), len(pairs))


def compare_preferences(
    backend: Backend, sampled: Sequence[SampledPreference], seen: dict[int, SeenPreference], encoder: Encoder
) -> BackendComparison:
    """Every example against the framework's; an example's first side that differs is shown."""
    found = BackendComparison(backend.name, backend.title, rows=len(sampled))
    for place, ours in enumerate(sampled):
        difference, side = _compare_example(ours, seen.get(place))
        found.ids += difference.verdict in ("same", "labels")
        found.labels += difference.verdict == "same"
        if difference.verdict != "same":
            found.kinds[difference.kind] += 1
            if difference.kind not in found.first:
                found.first[difference.kind] = _show_example(ours, seen.get(place), difference, side, encoder)
                found.known[difference.kind] = None
    return found


def _compare_example(ours: SampledPreference, theirs: SeenPreference | None) -> tuple[TokenDifference, int]:
    if theirs is None:
        return compare_tokens(ours.sides[0], None), 0
    differences = [
        compare_tokens(one, {"input_ids": other.ids, "labels": other.labels})
        for one, other in zip(ours.sides, theirs.sides, strict=True)
    ]
    return next(((one, at) for at, one in enumerate(differences) if one.verdict != "same"), (differences[0], 0))


def _show_example(
    ours: SampledPreference, theirs: SeenPreference | None, difference: TokenDifference, side: int, encoder: Encoder
) -> DifferenceExample:
    row = SampledRow(ours.file, ours.line, ours.row, ours.sides[side])
    answer = {} if theirs is None else theirs.sides[side]._asdict()
    shown = {"input_ids": answer["ids"], "labels": answer["labels"]} if answer else {}
    mine, other = format_context(row, shown, difference, encoder)
    return DifferenceExample(ours.file, ours.line, difference, mine, other)


def count_preference_matches(
    backends: Sequence[str], seen: Sequence[dict[int, SeenPreference]], count: int
) -> list[dict[str, object]]:
    """For each two frameworks, the examples whose ids and labels are the same in both."""
    keys = [{place: _make_key(one.sides) for place, one in held.items()} for held in seen]
    pairs = [(a, b) for b in range(len(backends)) for a in range(b)]
    return [
        {
            "backends": [backends[a], backends[b]],
            "rows": count,
            "same": sum(n in keys[a] and keys[a][n] == keys[b].get(n) for n in range(count)),
        }
        for a, b in pairs
    ]
