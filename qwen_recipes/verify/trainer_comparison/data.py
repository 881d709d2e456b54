"""Rows: the first batches, how many examples there are, and what is held out."""

from __future__ import annotations

from typing import Any

from qwen_recipes.verify.preference_sample import OBJECTIVES as PREFERENCES
from qwen_recipes.verify.trainer_comparison.batch_rows import ALL_MATCH, compare_batches
from qwen_recipes.verify.trainer_comparison.check import Case, Leaf, NotSeen, Seen, SeenLeaf, UnseenLeaf
from qwen_recipes.verify.trainer_comparison.expected_preferences import ExpectedPreferences, compare_preference_batches
from qwen_recipes.verify.trainer_comparison.expected_rows import ExpectedRows

NO_PROMPTS = NotSeen("our own encoder makes no prompts, and the trainer samples their answers later")
NO_HUB = UnseenLeaf("the probe does not use the hub", "tests/unit/data, tests/golden")
NAME = UnseenLeaf("a name that only files of the compiled folder use", "tests/golden")


def look_at_rows(case: Case) -> Seen | NotSeen:
    """The first batches of training against our own encoder's rows."""
    if case.plan.objective.type in PREFERENCES:
        return _compare_preferences(case, case.section("batches")["micro_batches"], case.preferences)
    if not case.plan.objective.next_token:
        return NO_PROMPTS
    return _compare(case, case.section("batches")["micro_batches"], case.rows)


def look_at_validation_rows(case: Case) -> Seen | NotSeen:
    """The first batch of the evaluation against our own encoder's rows."""
    if not case.plan.data.validation:
        return NotSeen("the recipe names no rows to validate on")
    batch = case.section("evaluation")
    if batch is None:
        return Seen(ALL_MATCH, "nothing is evaluated on")
    if case.plan.objective.type in PREFERENCES:
        return _compare_preferences(case, [batch], case.validation_preferences)
    if not case.plan.objective.next_token:
        return NO_PROMPTS
    return _compare(case, [batch], case.validation_rows)


def _compare_preferences(case: Case, batches: list[Any], expected: ExpectedPreferences | NotSeen) -> Seen | NotSeen:
    if isinstance(expected, NotSeen):
        return expected
    try:
        return Seen(ALL_MATCH, compare_preference_batches(batches, expected, case.plan.objective.type))
    except ValueError as error:
        return NotSeen(str(error))


def _compare(case: Case, batches: list[Any], expected: ExpectedRows | NotSeen) -> Seen | NotSeen:
    if isinstance(expected, NotSeen):
        return expected
    if not batches or any("examples" in batch for batch in batches):
        return NotSeen("the trainer encodes its batches later, within the step")
    padding = case.section("tokens")["tokenizer"]["pad_token_id"]
    try:
        return Seen(ALL_MATCH, compare_batches(batches, expected, padding))
    except ValueError as error:
        return NotSeen(str(error))


def look_at_count(case: Case) -> Seen | NotSeen:
    """Examples of the training set, as often as their source's weight says."""
    if not case.plan.objective.next_token:
        return NotSeen("pairs, labels and prompts are not counted by our own encoder")
    if isinstance(case.rows, NotSeen):
        return case.rows
    seen = case.section("steps")["examples"]
    if case.plan.training.packing:
        return NotSeen("packs are counted, and what a pack holds is the framework's choice")
    if case.plan.data.streaming:
        return NotSeen("rows that are streamed are not counted before the run")
    return Seen(case.rows.examples, seen)


def look_at_limit(case: Case) -> Seen | NotSeen:
    """Examples of the training set, where a source gives its first rows alone."""
    if all(source.limit is None for source in case.plan.data.train):
        return NotSeen("every row of every source is used")
    return look_at_count(case)


def look_at_validation_limit(case: Case) -> Seen | NotSeen:
    """Examples to validate on, where a source gives its first rows alone."""
    if all(source.limit is None for source in case.plan.data.validation):
        return NotSeen("every row of every source is used")
    return look_at_validation_count(case)


def look_at_validation_share(case: Case) -> Seen | NotSeen:
    """Examples that are held out."""
    share = case.plan.data.validation_share
    if share is None:
        return NotSeen("the recipe holds out no share of its rows")
    if not case.plan.objective.next_token or case.plan.training.packing:
        return NotSeen("packs, pairs and labels are not counted by our own encoder")
    if isinstance(case.rows, NotSeen):
        return case.rows
    return Seen(case.rows.held_out, case.section("steps")["evaluated_examples"])


def look_at_validation_count(case: Case) -> Seen | NotSeen:
    """Examples to validate on, as often as their source's weight says."""
    if not case.plan.data.validation:
        return NotSeen("the recipe names no rows to validate on")
    if not case.plan.objective.next_token or case.plan.training.packing:
        return NotSeen("packs, pairs and labels are not counted by our own encoder")
    if isinstance(case.validation_rows, NotSeen):
        return case.validation_rows
    return Seen(case.validation_rows.examples, case.section("steps")["evaluated_examples"])


def look_at_streaming(case: Case) -> Seen | NotSeen:
    """Whether the training set has a length."""
    return Seen(case.plan.data.streaming, case.section("steps")["examples"] is None)


ROWS = SeenLeaf("ids and labels of the first two batches", look_at_rows)
VALIDATION_ROWS = SeenLeaf("ids and labels of the first batch of the evaluation", look_at_validation_rows)
DATA: dict[str, Leaf] = {
    "data.train[].name": NAME,
    "data.train[].path": ROWS,
    "data.train[].hub": NO_HUB,
    "data.train[].subset": NO_HUB,
    "data.train[].split": NO_HUB,
    "data.train[].revision": NO_HUB,
    "data.train[].format": ROWS,
    "data.train[].columns": ROWS,
    "data.train[].roles": ROWS,
    "data.train[].prompt_style": ROWS,
    "data.train[].encoding": ROWS,
    "data.train[].weight": SeenLeaf("number of training examples", look_at_count),
    "data.train[].limit": SeenLeaf("number of training examples", look_at_limit),
    "data.validation[].name": NAME,
    "data.validation[].path": VALIDATION_ROWS,
    "data.validation[].hub": NO_HUB,
    "data.validation[].subset": NO_HUB,
    "data.validation[].split": NO_HUB,
    "data.validation[].revision": NO_HUB,
    "data.validation[].format": VALIDATION_ROWS,
    "data.validation[].columns": VALIDATION_ROWS,
    "data.validation[].roles": VALIDATION_ROWS,
    "data.validation[].prompt_style": VALIDATION_ROWS,
    "data.validation[].encoding": VALIDATION_ROWS,
    "data.validation[].weight": SeenLeaf("number of evaluation examples", look_at_validation_count),
    "data.validation[].limit": SeenLeaf("number of evaluation examples", look_at_validation_limit),
    "data.validation_share": SeenLeaf("number of evaluation examples", look_at_validation_share),
    "data.streaming": SeenLeaf("whether the training set has a length", look_at_streaming),
}
