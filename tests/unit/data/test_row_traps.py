"""What a template or a framework does to rows without a word, and that the preparation of rows does not let it."""

from __future__ import annotations

import json

import pytest

from qwen_recipes.data.rows.formats import normalize_row
from qwen_recipes.data.rows.messages import BadRowError

USER, ANSWER = {"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}


def read(messages, layout="messages", **more):
    return normalize_row({"messages": messages, **more}, layout, {})["messages"]


def test_a_list_of_parts_would_become_an_empty_turn():
    assert read([{"role": "user", "content": [{"type": "text", "text": "hi"}]}, ANSWER]) == [USER, ANSWER]
    with pytest.raises(BadRowError, match="image_url"):
        read([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}, ANSWER])


@pytest.mark.parametrize(("role", "ours"), [("human", "user"), ("gpt", "assistant"), ("developer", "system")])
def test_a_role_that_no_template_knows_would_render_as_nothing(role, ours):
    assert read([{"role": role, "content": "hi"}, USER, ANSWER])[0]["role"] == ours
    with pytest.raises(BadRowError, match="unknown role"):
        read([{"role": "customer", "content": "hi"}, ANSWER])


def test_no_content_beside_a_tool_call_breaks_the_base_template():
    call = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": {"a": "北"}}}]}
    assert read([USER, call])[1]["content"] == '<tool_call>\n{"name": "f", "arguments": {"a": "北"}}\n</tool_call>'


def test_two_tool_results_in_a_row_would_lose_the_row_in_llamafactory():
    call = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {}}}] * 2}
    results = [{"role": "tool", "content": "1"}, {"role": "tool", "content": "2"}]
    made = read([USER, call, *results, ANSWER])
    assert [message["role"] for message in made] == ["user", "assistant", "user", "assistant"]
    assert made[2]["content"] == "<tool_response>\n1\n</tool_response>\n<tool_response>\n2\n</tool_response>"


def test_reasoning_in_a_field_of_its_own_would_be_dropped_by_msswift_and_instruct():
    made = read([USER, {**ANSWER, "reasoning_content": "think"}])
    assert made[1]["content"] == "<think>\nthink\n</think>\n\nho"


def test_tools_would_be_dropped_where_a_framework_maps_messages_only():
    tool = {"type": "function", "function": {"name": "f"}}
    assert read([USER, ANSWER], tools=[tool])[0]["role"] == "system"
    assert read([USER, ANSWER], tools=json.dumps([tool])) == read([USER, ANSWER], tools=[tool])


def test_conversational_pairs_would_give_an_empty_chosen_side_in_msswift():
    row = {"chosen": [USER, ANSWER], "rejected": [USER, {**ANSWER, "content": "no"}]}
    assert normalize_row(row, "preference", {}) == {"prompt": [USER], "chosen": "ho", "rejected": "no"}


def test_columns_of_other_names_would_lose_every_row_in_msswift():
    made = normalize_row({"q": "hi", "a": "ho"}, "prompt-completion", {"prompt": "q", "completion": "a"})
    assert made["messages"] == [USER, ANSWER]


def test_a_row_without_an_answer_would_train_on_nothing():
    with pytest.raises(BadRowError, match="no assistant turn"):
        read([USER])


def test_a_pair_of_equal_sides_teaches_nothing():
    with pytest.raises(BadRowError, match="the same"):
        normalize_row({"prompt": "hi", "chosen": "ho", "rejected": "ho"}, "preference", {})
