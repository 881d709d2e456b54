import hashlib
import itertools
import random

import pytest

from qwen_recipes.qwen.chat_templates import (
    TEMPLATES,
    RenderError,
    detect_template_variant,
    get_template_path,
    read_template,
    render_conversation,
)

EMPTY = "<think>\n\n</think>\n\n"
QUESTION, AGAIN = {"role": "user", "content": "q"}, {"role": "user", "content": "q2"}
REASONING = ("hybrid", "base", "thinking-2507")


def said(content, **more):
    return {"role": "assistant", "content": content, **more}


def turns(text):
    """What stands in each assistant turn."""
    return [part.split("<|im_end|>")[0] for part in text.split("<|im_start|>assistant\n")[1:]]


def rendered(variant, *messages, **more):
    return render_conversation(read_template(variant), messages, **more)


@pytest.mark.parametrize("variant", TEMPLATES)
def test_bytes_are_the_released_ones(variant):
    assert hashlib.sha256(get_template_path(variant).read_bytes()).hexdigest() == TEMPLATES[variant].sha256


@pytest.mark.parametrize("variant", TEMPLATES)
def test_variant_of_template(variant):
    text = read_template(variant)
    assert detect_template_variant(text) == variant
    assert detect_template_variant(text.rstrip("\n")) == detect_template_variant(text + "\n") == variant
    assert detect_template_variant(text.replace("\n", "\r\n")) == variant
    assert detect_template_variant(text.replace("assistant", "bot")) is None


@pytest.mark.parametrize("variant", TEMPLATES)
def test_no_official_template_marks_the_assistant(variant):
    assert "generation %}" not in read_template(variant)


@pytest.mark.parametrize("variant", TEMPLATES)
def test_answer_without_reasoning(variant):
    empty = EMPTY if variant in REASONING else ""
    assert turns(rendered(variant, QUESTION, said("a"))) == [empty + "a"]
    assert turns(rendered(variant, QUESTION, said("a"), AGAIN, said("b"))) == ["a", empty + "b"]


@pytest.mark.parametrize("variant", TEMPLATES)
def test_reasoning_inside_content(variant):
    first, last = turns(rendered(variant, QUESTION, said("<think>r</think>a"), AGAIN, said("<think>s</think>b")))
    if variant in REASONING:
        assert (first, last) == ("a", "<think>\ns\n</think>\n\nb")
    else:
        assert (first, last) == ("<think>r</think>a", "<think>s</think>b")


@pytest.mark.parametrize("variant", TEMPLATES)
def test_reasoning_in_its_own_field(variant):
    messages = (QUESTION, said("a", reasoning_content="r"), AGAIN, said("b", reasoning_content="s"))
    expected = "<think>\ns\n</think>\n\nb" if variant in REASONING else "b"
    assert turns(rendered(variant, *messages)) == ["a", expected]


@pytest.mark.parametrize("variant", TEMPLATES)
def test_thinking_switched_off_changes_no_conversation(variant):
    messages = (QUESTION, said("a"))
    assert rendered(variant, *messages, enable_thinking=False) == rendered(variant, *messages)


@pytest.mark.parametrize(
    ("variant", "plain", "off"),
    [
        ("hybrid", "", EMPTY),
        ("base", "", EMPTY),
        ("instruct-2507", "", ""),
        ("thinking-2507", "<think>\n", "<think>\n"),
    ],
)
def test_generation_prompt(variant, plain, off):
    start = "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n"
    assert rendered(variant, QUESTION, add_generation_prompt=True) == start + plain
    assert rendered(variant, QUESTION, add_generation_prompt=True, enable_thinking=False) == start + off


def test_tool_calls_keep_other_scripts():
    call = {"type": "function", "function": {"name": "f", "arguments": {"city": "北京", "quote": "<it's>"}}}
    text = rendered("hybrid", QUESTION, said("", tool_calls=[call]), {"role": "tool", "content": "ok"})
    assert '<tool_call>\n{"name": "f", "arguments": {"city": "北京", "quote": "<it\'s>"}}\n</tool_call>' in text
    assert "<|im_start|>user\n<tool_response>\nok\n</tool_response><|im_end|>\n" in text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ raise_exception('no system here') }}", "no system here"),
        ("{% if %}", "Expected an expression"),
        ("{{ messages[0].content.__class__.__mro__ }}", "unsafe"),
        ("{{ messages.append(1) }}", "unsafe"),
    ],
)
def test_what_can_not_be_rendered(template, message):
    with pytest.raises(RenderError, match=message):
        render_conversation(template, [QUESTION])


def test_list_as_system_message():
    with pytest.raises(RenderError):
        rendered("hybrid", {"role": "system", "content": [{"type": "text", "text": "s"}]}, QUESTION)


def test_generation_block_is_rendered_as_its_content():
    template = "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}\n{% break %}{% endfor %}"
    assert render_conversation(template, [QUESTION, AGAIN]) == "q"


TEXTS = (
    "hello",
    "",
    "  spaced\n",
    "\n\nlead",
    "日本語 🎉 e\u0301",
    "<b>&'\"</b>",
    "a </think> b",
    "<think>r</think>a",
)
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "天気",
            "description": "<it's>",
            "parameters": {"type": "object", "z": 1, "a": [1.5, None]},
        },
    }
]
CALL = {"type": "function", "function": {"name": "f", "arguments": {"z": "é", "a": [True, None, 0.1]}}}
TEXT_CALL = {"id": "1", "type": "function", "function": {"name": "g", "arguments": '{"x": 1}'}}


def _conversation(draw):
    messages = [{"role": "system", "content": draw.choice(TEXTS)}] if draw.random() < 0.4 else []
    for _ in range(draw.randint(1, 3)):
        messages.append({"role": "user", "content": draw.choice(TEXTS)})
        if draw.random() < 0.4:
            messages.append(said(draw.choice(TEXTS), tool_calls=draw.choice([[CALL], [TEXT_CALL], [CALL, TEXT_CALL]])))
            messages += [{"role": "tool", "content": draw.choice(TEXTS)}] * draw.randint(1, 2)
        reasoning = {"reasoning_content": draw.choice(TEXTS)} if draw.random() < 0.4 else {}
        messages.append(said(draw.choice(TEXTS), **reasoning))
    return messages


@pytest.mark.parametrize("variant", TEMPLATES)
def test_equals_transformers(variant):
    chat_template_utils = pytest.importorskip("transformers.utils.chat_template_utils")
    draw, template = random.Random(7), read_template(variant)
    for _, tools, prompt in itertools.product(range(15), (None, TOOLS), (False, True)):
        messages, variables = _conversation(draw), draw.choice([{}, {"enable_thinking": False}])
        theirs = chat_template_utils.render_jinja_template(
            [messages], tools=tools, chat_template=template, add_generation_prompt=prompt, **variables
        )
        theirs = theirs[0][0] if isinstance(theirs, tuple) else theirs[0]
        assert render_conversation(template, messages, tools, prompt, **variables) == theirs
