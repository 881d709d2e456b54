"""Preference examples as ids: the official text, one prompt for both sides, and what is scored of each."""

from __future__ import annotations

import pytest

from qwen_recipes.data.encoder import Encoder, LossRule, load_folder_tokenizer
from qwen_recipes.data.rows.formats import normalize_row
from qwen_recipes.data.rows.messages import BadRowError
from qwen_recipes.data.rows.mismatched_answers import choose_mismatched, pair_mismatched
from qwen_recipes.data.rows.preferences import TooLongError
from qwen_recipes.qwen.chat_templates import read_template, render_conversation
from qwen_recipes.qwen.tokenizer import get_tokenizer_folder
from research.parity.made_preferences import KINDS, make_pairs

pytest.importorskip("tokenizers")

BLOCK = "<think>\n\n</think>\n\n"
REASONED = "<think>\nwhy\n</think>\n\nyes"
VARIANTS = ("hybrid", "instruct-2507", "thinking-2507", "base")


def make_encoder(variant: str = "hybrid", thinking: str = "auto") -> Encoder:
    tokenizer = load_folder_tokenizer(get_tokenizer_folder("hybrid" if variant == "base" else variant))
    return Encoder(tokenizer, read_template(variant), LossRule(thinking=thinking))


def encode_texts(row, variant="hybrid", thinking="auto"):
    """The prompt's and the answers' text."""
    encoder = make_encoder(variant, thinking)
    found = encoder.encode_preference(normalize_row(row, "preference", {}))
    return [encoder.decode(ids) for ids in (found.prompt, *found.answers)]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_those_of_the_official_text(variant, kind):
    encoder, template = make_encoder(variant), read_template(variant)
    for row in make_pairs(kind, 12):
        normal = normalize_row(row, "preference", {})
        found = encoder.encode_preference(normal)
        for side, answer in zip(("chosen", "rejected"), found.answers, strict=True):
            said = {"role": "assistant", "content": normal[side]}
            text = render_conversation(template, [*normal["prompt"], said]).removesuffix("\n")
            assert found.prompt + answer == encoder.tokenizer.encode(text, add_special_tokens=False).ids
            assert encoder.decode(answer).endswith("<|im_end|>")


@pytest.mark.parametrize(
    ("sides", "prompt_end", "answers"),
    [
        (("a", "b"), "assistant\n" + BLOCK, ["a<|im_end|>", "b<|im_end|>"]),
        ((BLOCK + "a", "b"), "assistant\n" + BLOCK, ["a<|im_end|>", "b<|im_end|>"]),
        ((REASONED, REASONED + "!"), "assistant\n", [REASONED + "<|im_end|>", REASONED + "!<|im_end|>"]),
        ((REASONED, "b"), "assistant\n", [REASONED + "<|im_end|>", BLOCK + "b<|im_end|>"]),
        (("a", REASONED), "assistant\n", [BLOCK + "a<|im_end|>", REASONED + "<|im_end|>"]),
        (("a\n", "b"), "assistant\n" + BLOCK, ["a\n<|im_end|>", "b<|im_end|>"]),
    ],
)
def test_an_empty_block_is_scored_only_beside_reasoning(sides, prompt_end, answers):
    prompt, *found = encode_texts({"prompt": "hi", "chosen": sides[0], "rejected": sides[1]})
    assert prompt.endswith("<|im_end|>\n<|im_start|>" + prompt_end)
    assert found == answers


def test_train_empty_scores_the_block_on_both_sides():
    row = {"prompt": "hi", "chosen": "a", "rejected": "b"}
    assert encode_texts(row, thinking="train-empty")[1:] == [BLOCK + "a<|im_end|>", BLOCK + "b<|im_end|>"]


def test_thinking_models_are_asked_with_an_open_block():
    row = {"prompt": "hi", "chosen": REASONED, "rejected": "<think>\nno\n</think>\n\nno"}
    prompt, chosen, _ = encode_texts(row, "thinking-2507")
    assert prompt.endswith("assistant\n<think>\n") and chosen == "why\n</think>\n\nyes<|im_end|>"


def test_white_space_that_begins_one_answer_is_scored_on_both_sides():
    prompt, chosen, rejected = encode_texts({"prompt": "hi", "chosen": "\n\na", "rejected": "b"}, "instruct-2507")
    assert prompt.endswith("<|im_start|>assistant")
    assert (chosen, rejected) == ("\n\n\na<|im_end|>", "\nb<|im_end|>")


def test_marks_that_somebody_typed_are_part_of_the_prompt():
    row = {"prompt": "say <|im_start|>assistant\nno<|im_end|>", "chosen": "a", "rejected": "b"}
    assert encode_texts(row)[1:] == ["a<|im_end|>", "b<|im_end|>"]


def test_truncation_leaves_something_to_compare_or_nothing():
    encoder = make_encoder()
    found = encoder.encode_preference(
        normalize_row({"prompt": "hi", "chosen": "one two", "rejected": "one two three four"}, "preference", {})
    )
    size = len(found.prompt)
    assert [len(answer) for answer in found.truncate(size + 3).answers] == [3, 3]
    assert found.truncate(found.longest) == found
    with pytest.raises(TooLongError, match="the same in the first"):
        found.truncate(size + 2)
    with pytest.raises(TooLongError, match="the prompt alone"):
        found.truncate(size)


def test_a_template_that_changes_the_prompt_is_refused():
    template = "{% for m in messages %}{{ m.role }}{{ messages | length }}{% endfor %}"
    encoder = Encoder(make_encoder().tokenizer, template, LossRule())
    with pytest.raises(BadRowError, match="renders the prompt otherwise"):
        encoder.encode_preference({"prompt": [{"role": "user", "content": "a"}], "chosen": "b", "rejected": "c"})


class Renderer:
    """What rows are encoded with in a framework's environment."""

    limit = 64

    def __init__(self):
        self.encoder = make_encoder()
        self.decode = self.encoder.decode

    def encode_preference(self, row):
        return self.encoder.encode_preference(row).truncate(self.limit)


def label_rows(*answers):
    renderer, rows = Renderer(), []
    for number, answer in enumerate(answers):
        example = {
            "prompt": [{"role": "user", "content": str(number)}],
            "completion": answer,
            "label": number % 2 == 0,
        }
        rows.append({"example": example, "encoded": renderer.encode_preference(example)})
    return rows, renderer


def test_mismatched_answers_are_the_ones_before_of_the_same_kind():
    assert choose_mismatched(*label_rows("a", "b", REASONED, "c", REASONED + "!")) == [3, 0, 4, 1, 2]


def test_the_same_answer_is_no_mismatch_where_there_is_another():
    assert choose_mismatched(*label_rows("a", "b", "b", "b")) == [3, 0, 0, 0]
    assert choose_mismatched(*label_rows("a", "a")) == [1, 0]
    assert choose_mismatched(*label_rows("a", "b", REASONED)) == [1, 0, 1]
    assert choose_mismatched(*label_rows("a")) == [0]


@pytest.mark.parametrize("answers", [("a", "b"), ("a", REASONED), (REASONED, "\n\nb")])
def test_a_mismatched_answer_stands_behind_the_rows_own_prompt(answers):
    rows, renderer = label_rows(*answers)
    for row in pair_mismatched("label-ids", rows, renderer):
        assert row["KL_completion_ids"] and row["KL_completion_ids"] != row["completion_ids"]
        assert renderer.decode(row["KL_completion_ids"]).endswith("<|im_end|>")
    for row in pair_mismatched("tokenized-label", rows, renderer):
        assert row["kl_input_ids"][: -len([i for i in row["kl_labels"] if i != -100])] == [
            i for i, label in zip(row["input_ids"], row["labels"], strict=True) if label == -100
        ]
