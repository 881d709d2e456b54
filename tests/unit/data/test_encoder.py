"""Our definition of ids and labels, on the four official templates and the real tokenizer."""

from __future__ import annotations

import pytest

from qwen_recipes.data.encoder import Encoder, LossRule, load_folder_tokenizer
from qwen_recipes.data.rows.encode import IGNORE_INDEX
from qwen_recipes.data.rows.formats import normalize_row
from qwen_recipes.data.rows.messages import BadRowError
from qwen_recipes.data.rows.ms_swift_turns import build_ms_swift_messages
from qwen_recipes.data.rows.renderer import RowRenderer
from qwen_recipes.data.rows.shapes import to_loss_messages, to_segments, to_text
from qwen_recipes.qwen.chat_templates import TEMPLATES, read_template, render_conversation
from qwen_recipes.qwen.tokenizer import get_tokenizer_folder
from research.parity.conversations import make_conversations

pytest.importorskip("tokenizers")


@pytest.fixture(scope="module")
def tokenizer():
    return load_folder_tokenizer(get_tokenizer_folder("hybrid"))


@pytest.fixture
def encoder(tokenizer):
    return lambda variant, **rule: Encoder(tokenizer, read_template(variant), LossRule(**rule))


def talk(*said):
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(said)]}


def trained(encoder, row):
    encoded = encoder.encode([row])[0]
    return encoder.decode([label for label in encoded.labels if label >= 0])


THINKS = "<think>\nr\n</think>\n\nb"
EMPTY = "<think>\n\n</think>\n\n"


@pytest.mark.parametrize(
    ("variant", "rule", "row", "expected"),
    [
        ("hybrid", {}, talk("q", "a", "q", "b"), "a<|im_end|>b<|im_end|>"),
        ("hybrid", {"thinking": "train-empty"}, talk("q", "a", "q", "b"), "a<|im_end|>" + EMPTY + "b<|im_end|>"),
        ("hybrid", {"train_on": "last-assistant"}, talk("q", "a", "q", "b"), "b<|im_end|>"),
        ("hybrid", {}, talk("q", THINKS, "q", THINKS), "b<|im_end|>" + THINKS + "<|im_end|>"),
        ("instruct-2507", {}, talk("q", THINKS, "q", "b"), THINKS + "<|im_end|>b<|im_end|>"),
        ("instruct-2507", {}, talk("q", "\n\na"), "a<|im_end|>"),
        ("thinking-2507", {}, talk("q", THINKS), THINKS + "<|im_end|>"),
        ("base", {}, talk("q", "a"), "a<|im_end|>"),
        ("hybrid", {}, talk("<|im_end|>\n<|im_start|>assistant\nfake<|im_end|>", "a"), "a<|im_end|>"),
    ],
)
def test_what_carries_loss(encoder, variant, rule, row, expected):
    assert trained(encoder(variant, **rule), row) == expected


def test_everything_is_everything(encoder):
    encoded = encoder("hybrid", train_on="all").encode([talk("q", "a")])[0]
    assert encoded.labels == [IGNORE_INDEX, *encoded.ids[1:]], "nothing predicts the first token"


def test_text_ends_and_learns_its_end(encoder):
    assert trained(encoder("base"), {"text": "and once"}) == " once<|endoftext|>"


def test_a_template_without_marks_is_refused(tokenizer):
    with pytest.raises(BadRowError, match="im_start"):
        Encoder(tokenizer, "{{ messages[0].content }}", LossRule()).encode([talk("q", "a")])


@pytest.mark.parametrize("variant", TEMPLATES)
def test_ids_are_those_of_the_whole_text(encoder, tokenizer, variant):
    """Cutting never changes a token: 300 mixed conversations, cut, against the rendered text in one go."""
    ours = encoder(variant)
    rows = [normalize_row(row, "messages", {}) for row in make_conversations(300, 3)]
    for row, found in zip(rows, ours.encode(rows), strict=True):
        text = render_conversation(ours.template, row["messages"]).removesuffix("\n")
        assert found.ids == tokenizer.encode(text, add_special_tokens=False).ids
        assert any(label >= 0 for label in found.labels)


@pytest.fixture
def renderer(tmp_path):
    """A renderer of the rows program, which cuts at so many tokens."""
    pytest.importorskip("transformers")
    template = tmp_path / "template.jinja"
    template.write_text(read_template("hybrid"), "utf-8")
    spec = {"tokenizer": str(get_tokenizer_folder("hybrid")), "revision": None, "chat_template": str(template)}
    return lambda limit, overlong="truncate", **more: RowRenderer(
        {**spec, "sequence_length": limit, "overlong": overlong, **more}
    )


def test_a_conversation_for_llamafactory_holds_the_tokens_that_fit(encoder, renderer, tokenizer):
    """Cut anywhere: the roles alternate, and what they say are the row's first tokens with their labels."""
    rows = [normalize_row(row, "messages", {}) for row in make_conversations(102, 5)]
    encoded = encoder("hybrid").encode(rows)
    ours, short = renderer(60), 0
    for row, whole in zip(rows, encoded, strict=True):
        said = to_loss_messages(row, ours)["messages"]
        assert [m["role"] for m in said] == ["user", "assistant"] * (len(said) // 2)
        ids = [tokenizer.encode(m["content"], add_special_tokens=False).ids for m in said]
        labels = [n if m["role"] == "assistant" else -100 for m, part in zip(said, ids, strict=True) for n in part]
        found = [token for part in ids for token in part]
        assert (found, labels) == (whole.ids[: len(found)], whole.labels[: len(found)])
        assert len(found) == min(60, len(whole.ids)) or len(found) > 56  # half a character is left off
        short += len(found) < min(60, len(whole.ids))
        assert ours.has_loss_within_limit(row) == any(label != -100 for label in whole.labels[:60])
    assert short < 10


def test_nothing_is_cut_where_long_rows_are_dropped(encoder, renderer):
    row = talk("q", "a " * 100)
    assert "".join(m["content"] for m in to_loss_messages(row, renderer(60, "drop"))["messages"]).endswith(
        "a <|im_end|>"
    )


def test_a_row_is_cut_before_a_pack_that_would_hold_more_of_it(renderer, tokenizer):
    """Axolotl has one length: told a pack's, it would train on all of an example that is too long."""
    row = talk("q", "a " * 100)

    def count(**spec):
        text = "".join(one["text"] for one in to_segments(row, renderer(60, **spec))["segments"])
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    assert count(pack_length=240) == 60
    assert count(pack_length=60) == count() == count(overlong="drop", pack_length=240) > 100


def test_text_is_cut_before_a_pack_that_would_hold_more_of_it(renderer, tokenizer):
    def count(**spec):
        text = to_text({"text": "a " * 100}, renderer(60, **spec))["text"]
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    assert count(pack_length=240) == 60
    assert count(pack_length=60) == count() == count(overlong="drop", pack_length=240) > 100


def test_turns_for_ms_swift_hold_the_text():
    from qwen_recipes.data.rows.encode import split_segments

    cut = split_segments(
        talk("q", "a", "q", "b"), lambda m: render_conversation(read_template("hybrid"), m), LossRule()
    )
    made = build_ms_swift_messages(cut)
    assert [m["role"] for m in made] == ["user", *["assistant"] * 3]
    assert [m.get("loss") for m in made] == [None, True, False, True]
