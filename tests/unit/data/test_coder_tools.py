"""Tools as Qwen3-Coder writes them: what its official templates make of the same conversation."""

import hashlib
import itertools

import pytest

from qwen_recipes.data.chat_rendering import TemplateRenderer
from qwen_recipes.data.rows.formats import normalize_row
from qwen_recipes.data.rows.message_forms import RowOptions
from qwen_recipes.data.rows.messages import BadRowError
from qwen_recipes.data.tool_style import find_tool_style
from qwen_recipes.qwen.chat_templates import TEMPLATES, read_template, render_conversation
from qwen_recipes.qwen.coder import TEMPLATE_SHA256, find_coder_release, read_coder_template
from qwen_recipes.qwen.models import get_model_facts

SYSTEM, USER, ANSWER = (
    {"role": "system", "content": "Be short.\n"},
    {"role": "user", "content": "What is in 日本.txt?"},
    {"role": "assistant", "content": "  Nothing. \n"},
)


def function(name, **more):
    return {"type": "function", "function": {"name": name, **more}}


def call(name, **arguments):
    return function(name, arguments=arguments)


READ = function(
    "read_file",
    description="  Reads a file.\n",
    parameters={
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": " Where it <lies> "},
            "lines": {"type": ["integer", "null"], "default": None, "minimum": 1, "exclusive": True},
            "range": {
                "type": "object",
                "description": "From and to",
                "properties": {"from": {"type": "integer"}, "to": {"type": "integer", "enum": [1, 2.5]}},
                "required": ["from"],
            },
            "anything": {},
        },
        "required": ["path"],
        "additionalProperties": False,
        "$comment": "é",
    },
    strict=True,
)
NOW = function("now", parameters={"type": "object", "properties": {}})
BARE = function("bare")
LIST = function(
    "list",
    description="Lists",
    parameters={"type": "object", "properties": {"tags": {"type": "array", "items": {"type": "string"}}}},
)
CALLS = {
    "text": [call("read_file", path="a\n  b\n", mode="r")],
    "numbers": [call("read_file", path="a", lines=3, share=0.1, small=1e-7, big=10**20)],
    "python words": [call("read_file", path="a", all=True, none=None, not_all=False)],
    "nested": [call("read_file", range={"from": 1, "é": [True, None]}, tags=["a", 2, {"b": "<c>"}])],
    "no arguments": [function("now", arguments={})],
    "arguments left out": [function("now")],
    "several": [call("read_file", path="a"), call("now"), call("list", tags=[])],
}
RESULTS = {
    "one": [{"role": "tool", "content": "empty"}],
    "several": [{"role": "tool", "content": "a\n"}, {"role": "tool", "content": '{"b": 1}'}],
}
SAID = {"nothing": "", "words": " I look.\n"}
CONVERSATIONS = [
    *([*head, USER, ANSWER] for head in ([], [SYSTEM])),
    [SYSTEM, USER, ANSWER, USER, ANSWER],
    *(
        [*head, USER, {"role": "assistant", "content": said, "tool_calls": calls}, *results, ANSWER, USER, ANSWER]
        for head, said, calls, results in itertools.product(
            ([], [SYSTEM]), SAID.values(), CALLS.values(), RESULTS.values()
        )
    ),
    *([USER, {"role": "assistant", "content": "", "tool_calls": calls}] for calls in CALLS.values()),
]
TOOLS = {"none": None, "one": [READ], "several": [READ, NOW, BARE, LIST]}


def read(row, name, layout="messages"):
    return normalize_row(row, layout, {}, RowOptions(tool_style=name))


@pytest.mark.parametrize("name", TEMPLATE_SHA256)
def test_templates_are_the_released_ones(name):
    assert hashlib.sha256(read_coder_template(name).encode()).hexdigest() == TEMPLATE_SHA256[name]


@pytest.mark.parametrize("tools", TOOLS)
@pytest.mark.parametrize("name", TEMPLATE_SHA256)
def test_rows_become_what_the_official_template_writes(name, tools):
    template = read_coder_template(name)
    for messages in CONVERSATIONS:
        row = read({"messages": messages, "tools": TOOLS[tools]}, name)
        official = render_conversation(template, messages, TOOLS[tools])
        assert TemplateRenderer("unknown", template).render(row["messages"]) == official
        assert render_conversation(template, row["messages"]) == official


def test_arguments_that_are_json_text_are_those_of_a_map():
    as_text = function("f", arguments='{"a": 1, "b": ["c"]}')
    one, other = (
        read({"messages": [USER, {"role": "assistant", "tool_calls": [made]}]}, "coder")
        for made in (as_text, call("f", a=1, b=["c"]))
    )
    assert one == other
    assert "<parameter=a>\n1\n</parameter>" in one["messages"][1]["content"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"tool_calls": [function("f", arguments="not json")]}, "not a JSON object"),
        ({"tool_calls": [function("f", arguments=[1])]}, "not a JSON object"),
        ({"tool_calls": [{"function": {"arguments": {}}}]}, "without a name"),
        ({"content": "a", "reasoning_content": "r"}, "does not reason"),
        ({"content": '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>'}, "written as JSON in the text"),
        ({"content": "<think>\nr\n</think>\n\na"}, "does not reason"),
    ],
)
def test_what_coder_has_no_words_for_is_refused(answer, why):
    messages = [USER, {"role": "assistant", **answer}]
    with pytest.raises(BadRowError, match=why):
        read({"messages": messages}, "coder")
    pair = {"prompt": [USER], "chosen": [messages[1]], "rejected": "no"}
    with pytest.raises(BadRowError, match=why):
        read(pair, "coder", "preference")


def test_a_tool_without_a_name_is_refused():
    with pytest.raises(BadRowError, match="definition without a name"):
        read({"messages": [USER, ANSWER], "tools": [{"type": "function"}]}, "coder")


@pytest.mark.parametrize("name", TEMPLATE_SHA256)
def test_a_template_is_known_by_what_it_writes(name):
    template = read_coder_template(name)
    changed = "{# mine #}" + template
    for text in (template, template.replace("\n", "\r\n"), changed):
        assert TemplateRenderer("unknown", text).tool_style == name
    assert not TemplateRenderer("unknown", template).reasons
    assert find_tool_style(template.replace("<parameter=", "<argument=")) == "unsupported"
    assert find_tool_style("{% if <function= %}") == "unsupported"
    assert {find_tool_style(read_template(variant)) for variant in TEMPLATES} == {"json"}


def test_tools_of_an_unsupported_template_are_refused_and_nothing_else():
    assert read({"messages": [USER, ANSWER]}, "unsupported") == {"messages": [USER, ANSWER]}
    for row in ({"messages": [USER, ANSWER], "tools": [NOW]}, {"messages": CONVERSATIONS[-1]}):
        with pytest.raises(BadRowError, match="form that is not supported"):
            read(row, "unsupported")


def test_a_tool_result_is_no_query():
    messages = [USER, {"role": "assistant", "content": "", "tool_calls": CALLS["text"]}, *RESULTS["several"], ANSWER]
    row = read({"messages": messages}, "coder")
    template = TemplateRenderer("unknown", read_coder_template("coder"))
    assert template.make_examples(row, "last", "assistant") == [row]


@pytest.mark.parametrize(
    ("model", "billions", "active"),
    [("Qwen/Qwen3-Coder-30B-A3B-Instruct", 30.5, 3.3), ("qwen/qwen3-coder-480b-a35b-instruct", 480, 35)],
)
def test_released_models_are_known(model, billions, active):
    facts = get_model_facts(model)
    assert facts == find_coder_release(model)
    assert (facts.family, facts.own_template) == ("Qwen3-Coder", read_coder_template())
    assert facts.parameters / 1e9 == pytest.approx(billions, rel=0.01)
    assert facts.active_parameters / 1e9 == pytest.approx(active, rel=0.02)
