"""Preference examples as frameworks batch them, held against ours: read, aligned, compared, shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.data.encoder import build_encoder
from qwen_recipes.data.rows.encode import IGNORE_INDEX, EncodedRow
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import resolve
from qwen_recipes.verify.preference_batches import SeenPreference, read_preferences
from qwen_recipes.verify.preference_report import align_examples, compare_preferences, count_preference_matches
from qwen_recipes.verify.preference_sample import PreferenceSample, SampledPreference, sample_preferences
from qwen_recipes.verify.report import format_text

CHOSEN, REJECTED = EncodedRow([1, 2, 3], [IGNORE_INDEX, 2, 3]), EncodedRow([1, 4], [IGNORE_INDEX, 4])
LABELS = [[-100, 2, 3], [-100, 4, -100]]
IDS, ATTENDED = [[1, 2, 3], [1, 4, 0]], [[1, 1, 1], [1, 1, 0]]
BATCHES = {
    "concatenated labels": {"input_ids": IDS, "attention_mask": ATTENDED, "labels": LABELS},
    "completion mask": {"input_ids": IDS, "attention_mask": ATTENDED, "completion_mask": [[0, 1, 1], [0, 1, 0]]},
    "columns of both": {
        **{"chosen_input_ids": IDS[:1], "chosen_attention_mask": ATTENDED[:1], "chosen_labels": LABELS[:1]},
        **{"rejected_input_ids": IDS[1:], "rejected_attention_mask": ATTENDED[1:], "rejected_labels": LABELS[1:]},
    },
}
PREFIXES = {"LLaMA-Factory": ("", "kl_"), "ms-swift": ("completion_", "KL_completion_"), "TRL": ("", "KL_")}
ROWS = [
    {"prompt": "Which colour?", "chosen": "Blue.", "rejected": "<think>\nwell\n</think>\n\nRed."},
    {"prompt": "And now?", "chosen": "Nothing.", "rejected": "Everything."},
    {"prompt": "No answer."},
    {"prompt": "Long " * 60, "chosen": "a", "rejected": "b"},
]
RECIPE = """\
version: 1
model: Qwen/Qwen3-4B
data: {train: rows.jsonl}
objective: OBJECTIVE
training: {sequence_length: 48}
hardware: {gpu: l40s}
"""


@pytest.mark.parametrize("layout", BATCHES)
def test_pairs_are_read_whatever_the_columns(layout: str) -> None:
    assert read_preferences([{"values": BATCHES[layout]}], "dpo") == [SeenPreference((CHOSEN, REJECTED))]


@pytest.mark.parametrize("labels", [{}, {"labels": LABELS}], ids=["none", "that nothing reads"])
def test_a_reward_models_conversations_have_no_labels(labels: dict[str, list[list[int]]]) -> None:
    values = {"input_ids": IDS, "attention_mask": ATTENDED, **labels}
    (found,) = read_preferences([{"values": values}], "reward")
    assert found.sides == (EncodedRow([1, 2, 3], [IGNORE_INDEX] * 3), EncodedRow([1, 4], [IGNORE_INDEX] * 2))


@pytest.mark.parametrize("framework", PREFIXES)
def test_labelled_answers_come_with_a_mismatched_one(framework: str) -> None:
    own, other = PREFIXES[framework]
    columns = {f"{p}{name}": v for p in (own, other) for name, v in (("input_ids", IDS), ("attention_mask", ATTENDED))}
    marks = {f"{own}labels": LABELS, f"{other}labels": LABELS}
    tag = "kto_tags" if framework == "LLaMA-Factory" else "label"
    found = read_preferences([{"values": {**columns, **marks, tag: [True, False]}}], "kto")
    assert found == [SeenPreference((CHOSEN,), CHOSEN, True), SeenPreference((REJECTED,), REJECTED, False)]


def test_a_batch_without_such_columns_is_an_error() -> None:
    with pytest.raises(ValueError, match="no chosen_input_ids"):
        read_preferences([{"values": {"other": []}}], "dpo")
    with pytest.raises(ValueError, match="no mismatched answers"):
        read_preferences([{"values": {"input_ids": IDS}}], "kto")


@pytest.fixture
def sample(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[PreferenceSample, object]:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf-8")
    objective = getattr(request, "param", "dpo")
    loaded = load_recipe_text(RECIPE.replace("OBJECTIVE", objective), "r.yaml", tmp_path)
    plan = resolve(loaded, load_backend("axolotl"))
    encoder = build_encoder(plan, tmp_path)
    return sample_preferences(plan, tmp_path, encoder, None), encoder


def see(examples: list[SampledPreference]) -> list[SeenPreference]:
    return [SeenPreference(one.sides) for one in reversed(examples)]


def test_rows_are_sampled_with_their_lines(sample: tuple[PreferenceSample, object]) -> None:
    found, encoder = sample
    assert [one.line for one in found.examples] == [1, 2]
    assert (found.bad, found.overlong) == (1, 1)
    chosen, rejected = found.examples[0].sides
    text = encoder.decode([label for label in chosen.labels if label != IGNORE_INDEX])  # type: ignore[attr-defined]
    assert text == "<think>\n\n</think>\n\nBlue.<|im_end|>", "the empty block is part of an answer that does not think"
    assert len(rejected.ids) > len(chosen.ids)


@pytest.mark.parametrize("sample", ["reward"], indirect=True)
def test_a_reward_models_sample_has_no_labels(sample: tuple[PreferenceSample, object]) -> None:
    assert all(set(side.labels) == {IGNORE_INDEX} for one in sample[0].examples for side in one.sides)


def test_the_same_examples_in_another_order_are_the_same(sample: tuple[PreferenceSample, object]) -> None:
    examples = sample[0].examples
    seen = align_examples(examples, see(examples))
    found = compare_preferences(load_backend("axolotl"), examples, seen, sample[1])  # type: ignore[arg-type]
    assert found.is_identical and found.rows == 2
    assert count_preference_matches(["a", "b"], [seen, seen], 2) == [{"backends": ["a", "b"], "rows": 2, "same": 2}]


def test_a_difference_is_shown_where_it_begins(sample: tuple[PreferenceSample, object]) -> None:
    examples = sample[0].examples
    seen = see(examples)
    chosen, rejected = seen[0].sides  # of the second row
    newline = EncodedRow([*rejected.ids, 198], [*rejected.labels, 198])
    seen[0] = SeenPreference((chosen, newline))
    aligned = align_examples(examples, seen)
    found = compare_preferences(load_backend("axolotl"), examples, aligned, sample[1])  # type: ignore[arg-type]
    assert (found.rows, found.ids, dict(found.kinds)) == (2, 1, {"newline": 1})
    assert found.first["newline"].line == 2
    assert "the newline after `<|im_end|>` is in the loss" in format_text(found)
    assert count_preference_matches(["a", "b"], [aligned, {}], 2)[0]["same"] == 0


def test_an_example_that_is_missing_is_left_out(sample: tuple[PreferenceSample, object]) -> None:
    examples = sample[0].examples
    seen = align_examples(examples, see(examples)[:1])
    found = compare_preferences(load_backend("axolotl"), examples, seen, sample[1])  # type: ignore[arg-type]
    assert (found.labels, dict(found.kinds)) == (1, {"left-out": 1})
