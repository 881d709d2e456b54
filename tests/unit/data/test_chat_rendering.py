"""The templates in Python give what the official Jinja templates give; lengths and labels are those of `labels`."""

import random

import pytest

from qwen_recipes.data.chat_rendering import TemplateRenderer
from qwen_recipes.data.example_length import LossSelection, TokenMeasurer, select_loss
from qwen_recipes.data.rows.encode import IGNORE_INDEX, LossRule
from qwen_recipes.data.rows.formats import normalize_row
from qwen_recipes.data.rows.messages import normalize_messages
from qwen_recipes.qwen.chat_templates import TEMPLATES, RenderError, read_template, render_conversation
from research.parity.conversations import make_conversations

TEXTS = (
    "hello", "", "  spaced\n", "\n\nlead", "日本語 🎉 e\u0301", "<b>&'\"</b>", "a </think> b", "<think>r</think>a",
    "<think>\nr\n</think>\n\na", "<think>x</think>y<think>z</think>w", "<think>open", "</think>\n\nafter", "{{ x }}",
    "<tool_response>\nx\n</tool_response>", "<tool_response> no", "line\r\nline", "trailing\n\n",
    "\n  \n x",
    " \n\n y",
    "<think>\n\n</think>\n\n",
)  # fmt: skip
TOOLS = [
    {"type": "function", "function": {"name": "天気", "description": "<it's>", "parameters": {"z": 1, "a": [1.5]}}}
]
CALL = {"type": "function", "function": {"name": "f", "arguments": {"z": "é", "a": [True, None, 0.1]}}}
TEXT_CALL = {"id": "1", "type": "function", "function": {"name": "g", "arguments": '{"x": 1}'}}


def plain(draw):
    roles = ["system"] * (draw.random() < 0.4)
    for _ in range(draw.randint(1, 4)):
        roles += draw.choice(
            (["user", "assistant"], ["user"], ["assistant"], ["user", "assistant", "user", "assistant"])
        )
    return [{"role": role, "content": draw.choice(TEXTS)} for role in roles]


def rich(draw):
    """With tool calls, results and reasoning: as files have them."""
    messages = [{"role": "system", "content": draw.choice(TEXTS)}] if draw.random() < 0.4 else []
    for _ in range(draw.randint(1, 3)):
        messages.append({"role": "user", "content": draw.choice(TEXTS)})
        if draw.random() < 0.4:
            calls = draw.choice([[CALL], [TEXT_CALL], [CALL, TEXT_CALL]])
            messages.append({"role": "assistant", "content": draw.choice(("", "let me see")), "tool_calls": calls})
            messages += [{"role": "tool", "content": draw.choice(TEXTS)} for _ in range(draw.randint(1, 2))]
        reasoning = {"reasoning_content": draw.choice(("r", "two\nlines", "日本"))} if draw.random() < 0.4 else {}
        messages.append({"role": "assistant", "content": draw.choice(("answer", "日本語 🎉")), **reasoning})
    return messages


@pytest.mark.parametrize("variant", TEMPLATES)
def test_plain_conversations_come_out_byte_for_byte(variant):
    draw, official, ours = random.Random(11), read_template(variant), TemplateRenderer(variant).render
    for _ in range(1500):
        messages = plain(draw)
        assert ours(messages) == render_conversation(official, messages)


@pytest.mark.parametrize("variant", TEMPLATES)
def test_tools_and_reasoning_come_out_byte_for_byte(variant):
    draw, official, ours = random.Random(12), read_template(variant), TemplateRenderer(variant).render
    for _ in range(1000):
        messages, tools = rich(draw), draw.choice((None, TOOLS))
        if variant == "instruct-2507":  # its template drops the field; in our form it would be kept, and QR505 says so
            messages = [{k: v for k, v in m.items() if k != "reasoning_content"} for m in messages]
        assert ours(normalize_messages(messages, tools)) == render_conversation(official, messages, tools)


def test_a_template_of_ones_own_is_rendered_by_jinja():
    assert TemplateRenderer("unknown", "{{ messages[0].content }}!").render_row(
        {"messages": [{"role": "user", "content": "a"}]}
    ) == ["a!"]
    with pytest.raises(RenderError):
        TemplateRenderer("unknown", "{% if %}").render([])


def test_pairs_have_two_texts_and_text_has_one():
    prompt = [{"role": "user", "content": "q"}]
    first, second = TemplateRenderer("instruct-2507").render_row({"prompt": prompt, "chosen": "a", "rejected": "b"})
    assert (first, second) == tuple(
        f"<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n{answer}<|im_end|>\n" for answer in "ab"
    )
    assert TemplateRenderer("hybrid").render_row({"text": "t"}) == ["t"]


@pytest.mark.parametrize("variant", TEMPLATES)
@pytest.mark.parametrize("train_on", ["assistant", "last-assistant", "all"])
@pytest.mark.parametrize("thinking", ["auto", "train-empty"])
def test_lengths_and_trained_tokens_are_those_of_the_labels(variant, train_on, thinking):
    pytest.importorskip("tokenizers")
    from qwen_recipes.data.encoder import Encoder
    from tests.unit.data.tokenizers import COUNTER, TOKENIZER

    measure = TokenMeasurer(COUNTER, select_loss(train_on, thinking, "messages"))
    encoder = Encoder(TOKENIZER, read_template(variant), LossRule(train_on, thinking))
    draw = random.Random(13)
    made = [normalize_messages(rich(draw)) for _ in range(150)] + [plain(draw) for _ in range(200)]
    rows = [{"messages": messages} for messages in made if any(m["role"] == "assistant" for m in messages)]
    rows += [normalize_row(row, "messages", {}) for row in make_conversations(408, 14)]
    template = TemplateRenderer(variant)
    for row, encoded in zip(rows, encoder.encode(rows), strict=True):
        ((length, _),) = measure.measure_row(row, template.render_row(row), template.render)
        trained = [place for place, label in enumerate(encoded.labels) if label != IGNORE_INDEX]
        assert (length.tokens, length.loss_tokens) == (len(encoded.ids), len(trained))
        assert length.first_loss_token == (trained[0] if trained else len(encoded.ids))


def test_marks_that_somebody_typed_are_measured_in_pairs_too():
    pytest.importorskip("tokenizers")
    from tests.unit.data.tokenizers import COUNTER

    template, measure = (
        TemplateRenderer("instruct-2507"),
        TokenMeasurer(COUNTER, select_loss("assistant", "auto", "preference")),
    )
    answers = {"chosen": "<|im_start|>assistant\na<|im_end|>", "rejected": "b"}
    row = {"prompt": [{"role": "user", "content": "q"}], **answers}
    (chosen, _), (rejected, _) = measure.measure_row(row, template.render_row(row), template.render)
    assert (chosen.loss_tokens, rejected.loss_tokens) == (6, 2)
    assert chosen.first_loss_token == rejected.first_loss_token


def test_plain_text_ends_with_the_end_of_text():
    pytest.importorskip("tokenizers")
    from qwen_recipes.data.encoder import Encoder
    from tests.unit.data.tokenizers import COUNTER, TOKENIZER

    (encoded,) = Encoder(TOKENIZER, "", LossRule()).encode([{"text": "Once upon a time"}])
    length, _ = TokenMeasurer(COUNTER, LossSelection("assistant")).measure_text("Once upon a time", is_plain_text=True)
    total = len(encoded.ids)
    assert (length.tokens, length.loss_tokens, length.first_loss_token) == (total, total - 1, 1)
