"""An edit says what was wanted, keeps every comment and touches nothing else."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_recipes.finding import RecipeError
from qwen_recipes.yaml_text.edits import EditError, set_value
from qwen_recipes.yaml_text.nodes import plain_data
from qwen_recipes.yaml_text.reader import read_yaml
from qwen_recipes.yaml_text.text_layout import list_comments

TEXT = """\
# top
version: 1   # v
model: "Qwen/Qwen3-4B"
data:
  train: rows.jsonl # rows
method: qlora  # short
targets:  # why
  # above
  - q_proj  # q
  - v_proj  # v

  # after the list
training:
    epochs: 3
    # a note
    flow: {a: b}  # c

# end
hardware: {gpu: rtx-4090, strategy: zero3}  # hw
empty:
last: |
  text
"""

CASES = [
    ("method.rank", 16, "method: qlora  # short", "method: {type: qlora, rank: 16}  # short"),
    ("hardware.strategy", "zero2", "strategy: zero3}  # hw", "strategy: zero2}  # hw"),
    ("hardware.gpus", 2, "zero3}  # hw", "zero3, gpus: 2}  # hw"),
    ("hardware.gpu", None, "{gpu: rtx-4090, strategy", "{strategy"),
    ("training.seed", 7, "flow: {a: b}  # c\n", "flow: {a: b}  # c\n    seed: 7\n"),
    ("training.flow.c", [1, "a b"], "{a: b}", "{a: b, c: [1, a b]}"),
    ("model", "Qwen/Qwen3-8B", '"Qwen/Qwen3-4B"', '"Qwen/Qwen3-8B"'),
    ("model.revision", "abc", '"Qwen/Qwen3-4B"', '{id: "Qwen/Qwen3-4B", revision: abc}'),
    ("data.train[0].format", "messages", "rows.jsonl #", "[{path: rows.jsonl, format: messages}] #"),
    ("targets", "all-linear", "targets:  # why\n  # above\n  - q_proj  # q\n  - v_proj  # v\n",
     "targets: all-linear  # why\n  # above\n  # q\n  # v\n"),
    ("targets[1]", "k_proj", "- v_proj  # v", "- k_proj  # v"),
    ("run.backend", "axolotl", "  text\n", "  text\nrun:\n  backend: axolotl\n"),
    ("empty", "x", "empty:\n", "empty: x\n"),
    ("empty.deep.er", 1.5, "empty:\n", "empty: {deep: {er: 1.5}}\n"),
    ("training.learning_rate", 1e-05, "flow: {a: b}  # c\n", "flow: {a: b}  # c\n    learning_rate: 1e-05\n"),
    ("last", "one", "last: |\n  text\n", "last: one\n"),
    ("name", "a: b #c", "  text\n", '  text\nname: "a: b #c"\n'),
    ("name", "true", "  text\n", '  text\nname: "true"\n'),
    ("data", None, "data:\n  train: rows.jsonl # rows\n", "  # rows\n"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "before", "after"), CASES, ids=[str(case[0]) for case in CASES])
def test_an_edit_changes_its_place_and_no_other(path, value, before, after):
    assert before in TEXT
    assert set_value(TEXT, path, value) == TEXT.replace(before, after, 1)


def test_without_a_last_line_break_and_with_windows_line_ends():
    assert set_value("a: 1", "b.c", 2) == "a: 1\nb:\n  c: 2"
    assert set_value("a:\r\n   x: 1 # c\r\n", "a.y", 2) == "a:\r\n   x: 1 # c\r\n   y: 2\r\n"


def test_the_same_value_again_changes_nothing():
    assert set_value(TEXT, "hardware.strategy", "zero3") == TEXT


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a: &x {b: 1}\nc: *x\n", "c.b"),
        ("a: &x 1\nc: *x\n", "a"),
        ("base: &x {b: 1}\na:\n  <<: *x\n  c: 2\n", "a.b"),
        ("a: [1]\n", "a[3]"),
        ("a: 1\n", "a.b"),
        ("a: |  # why\n  t\n", "a"),
        ("a: 1\n", "a..b"),
    ],
)
def test_an_edit_that_would_change_something_else_is_refused(text, path):
    with pytest.raises(EditError):
        set_value(text, path, 5)


WORDS = st.text(string.ascii_lowercase, min_size=1, max_size=5)
SCALARS = st.one_of(
    WORDS, st.integers(-99, 99), st.booleans(), st.sampled_from(["a b", "x: y", "#z", "1e3", "it's", ""])
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.dictionaries(WORDS, inner, min_size=1, max_size=4), st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=12,
)


@st.composite
def written(draw, data, indent=""):
    """A map's lines, in one of the many ways to write it."""
    lines = []
    for key, value in data.items():
        comment = draw(st.sampled_from(["", "  # note", " #n"]))
        if draw(st.booleans()):
            lines.append(draw(st.sampled_from(["", f"{indent}# above {key}", "# at the margin"])))
        lines += draw(entry(key, value, indent, comment))
    return lines


@st.composite
def entry(draw, key, value, indent, comment):
    style = draw(st.sampled_from(["flow", "block"]))
    if isinstance(value, dict) and style == "block":
        return [f"{indent}{key}:{comment}", *draw(written(value, indent + draw(st.sampled_from(["  ", "    "]))))]
    if isinstance(value, list) and style == "block" and not any(isinstance(item, (dict, list)) for item in value):
        return [f"{indent}{key}:{comment}", *(f"{indent}- {draw(inline(item))}{comment}" for item in value)]
    return [f"{indent}{key}: {draw(inline(value))}{comment}"]


@st.composite
def inline(draw, value):
    if isinstance(value, dict):
        return "{" + ", ".join([f"{key}: {draw(inline(inner))}" for key, inner in value.items()]) + "}"
    if isinstance(value, list):
        return "[" + ", ".join([draw(inline(item)) for item in value]) + "]"
    if isinstance(value, str):
        plain = value.isalnum() and value not in ("true", "false", "null") and not value[0].isdigit()
        quotes = ["'", '"'] + ([""] if plain else [])
        quote = draw(st.sampled_from(quotes))
        return f"{quote}{value.replace(chr(39), chr(39) * 2) if quote == chr(39) else value}{quote}"
    return str(value).lower()


def routes(data, prefix=""):
    for key, value in data.items():
        yield prefix + key
        if isinstance(value, dict):
            yield from routes(value, f"{prefix}{key}.")


@st.composite
def texts_and_paths(draw):
    data = draw(st.dictionaries(WORDS, TREES, min_size=1, max_size=4))
    lines = draw(written(data))
    end = draw(st.sampled_from(["\n", "", "\n\n# the end\n"]))
    text = draw(st.sampled_from(["\n", "\r\n"])).join(lines) + end
    path = draw(st.one_of(st.sampled_from(list(routes(data))), WORDS))
    return text, path + draw(st.one_of(st.just(""), st.just(".new"), st.just(".new.er")))


@settings(max_examples=400, deadline=None)
@given(
    texts_and_paths(),
    st.one_of(
        SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(WORDS, SCALARS, min_size=1, max_size=2), st.none()
    ),
)
def test_a_set_says_what_was_wanted_and_keeps_every_comment(case, value):
    text, path = case
    before = plain_data(read_yaml(text, "x").root)
    try:
        after = set_value(text, path, value)
    except EditError:
        return
    wanted = wanted_of(before, path.split("."), value)
    assert plain_data(read_yaml(after, "x").root) == wanted
    assert sorted(list_comments(after)) == sorted(list_comments(text))


def wanted_of(data, steps, value):
    head, *rest = steps
    if rest:
        inner = wanted_of(data.get(head, {}), rest, value)
        return {
            **{k: v for k, v in data.items() if k != head},
            **({head: inner} if inner or value is not None else {}),
        }
    left = {k: v for k, v in data.items() if k != head}
    return left if value is None else {**left, head: value}


@settings(max_examples=300, deadline=None)
@given(texts_and_paths(), SCALARS)
def test_a_scalar_in_a_scalars_place_or_a_new_key_never_fails(case, value):
    """What guards ask for in nearly every fix can be done in every layout."""
    text, path = case
    data = plain_data(read_yaml(text, "x").root)
    steps = path.split(".")
    for step in steps[:-1]:
        data = data.get(step, {}) if isinstance(data, dict) else None
    if not isinstance(data, dict) or isinstance(data.get(steps[-1]), (dict, list)):
        return
    try:
        set_value(text, path, value)
    except RecipeError as error:
        pytest.fail(str(error.findings))
