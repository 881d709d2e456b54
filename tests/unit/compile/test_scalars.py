"""A value is written so that every reader reads it alike, and marks leave no trace."""

from __future__ import annotations

import json
import math
import subprocess

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qwen_recipes.compile.traced_values import TracedBool, TracedInt, TracedStr, TracedTuple, trace_value, untrace_value
from qwen_recipes.compile.value_formats import (
    find_marks,
    format_float,
    format_json,
    format_shell,
    format_yaml,
    make_formatter,
    remove_marks,
)
from qwen_recipes.yaml_text.nodes import plain_data
from qwen_recipes.yaml_text.reader import read_yaml

ODD = ["y", "n", "Yes", "NO", "on", "Off", "true", "null", "~", "", " ", "a ", " a", "1", "1e5", "1e-4", ".5",
    "0x1F", "0o7",
       "012", "1_000", "12:30", "1:2:3", "2024-01-01", ".inf", ".NaN", "-", "--", "...", "---", "=", "<<",
       "a: b", "a #b",
       "#a", "@a", "`a", "%a", "&a", "*a", "!a", "|", ">", "{a}", "[a]", "a,b", "a'b", 'a"b', "a\\b", "a\nb",
       "a\tb", "é",
       "🦜", "\x85", "a\u2028b", "\u2029", "\ufeff", "\x7f", "\x80", "\ue000x\ue001", "\ufffe", "/a/b.c",
       "../x", "./x",
       "a b c", "q-proj", "<|im_end|>", "+1", "._", "_", "e5", "E", "..", "${a}", "${oc.env:HOME}", "a=b",
       "None"]  # fmt: skip


def yaml_1_2(text):
    ruamel = pytest.importorskip("ruamel.yaml")
    return ruamel.YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize("text", ODD)
def test_text_stays_text(text):
    written = f"a: {format_yaml(text)}\nb: [{format_yaml(text)}]\n{format_yaml(text)}: c\n"
    assert yaml.safe_load(written) == {"a": text, "b": [text], text: "c"} | ({"a": "c"} if text == "a" else {})
    assert yaml_1_2(written)["a"] == text
    assert json.loads(format_json(text)) == text


@pytest.mark.parametrize("text", [text for text in ODD if "${" not in text])
def test_omegaconf_reads_it_alike(text):
    omegaconf = pytest.importorskip("omegaconf")
    assert omegaconf.OmegaConf.create(f"a: {format_yaml(text)}\n").a == text


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_characters="\0"), max_size=30))
@example("\ud800")
def test_any_text(text):
    if any("\ud800" <= c <= "\udfff" for c in text):
        format_yaml(text).encode()
        return
    written = f"a: {format_yaml(text)}\n"
    assert yaml.safe_load(written) == {"a": text}
    assert plain_data(read_yaml(written, "x").root) == {"a": text}
    assert remove_marks(written) == written


@settings(max_examples=300, deadline=None)
@given(st.floats(allow_nan=False))
@example(1e-5)
@example(1e22)
@example(5e-324)
@example(-0.0)
@example(1e15)
@example(float("inf"))
def test_any_number_is_a_float_to_all(value):
    text = format_float(value)
    for read in (yaml.safe_load(text), yaml_1_2(text), plain_data(read_yaml(f"a: {text}", "x").root)["a"]):
        assert read == value
        assert isinstance(read, float)


def test_not_a_number():
    assert math.isnan(yaml.safe_load(format_yaml(float("nan"))))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(ODD)
    | st.text("ab: ,{}'", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(ODD), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_any_value(value):
    assert yaml.safe_load(f"a: {format_yaml(value)}\n") == {"a": value}


@pytest.mark.parametrize("text", ["a b", "$x", "`ls`", "'", '"', "a;b", "-n", "é", "a\nb", "", "*"])
def test_shell_words(text):
    done = subprocess.run(["bash", "-c", f"printf %s {format_shell(text)}"], capture_output=True, check=True)
    assert done.stdout.decode() == text


@pytest.mark.parametrize(
    "value",
    [
        trace_value(True, "p"),
        trace_value("x y", "p"),
        trace_value('a"b', "p"),
        trace_value("no", "p"),
        trace_value(3, "p"),
        trace_value(0.5, "p"),
        trace_value(("a", "b"), "p"),
    ],
)
def test_marks_are_found_and_leave_no_trace(value):
    marked, bare = make_formatter("yaml", marked=True)(value), make_formatter("yaml", marked=False)(value)
    assert marked != bare
    assert remove_marks(marked) == bare
    assert find_marks(yaml.safe_load(f"a: {marked}")) == {"p"}


def test_leaves_compare_like_what_they_hold():
    text, whole, flag = trace_value("a", "p"), trace_value(4, "q"), trace_value(False, "r")
    assert isinstance(text, TracedStr)
    assert isinstance(whole, TracedInt)
    assert text == "a"
    assert text != "b"
    assert not (text != "a")  # noqa: SIM202
    assert isinstance(text == "a", TracedBool)
    assert (text == "a").path == "p"
    assert whole == 4
    assert whole != 5
    assert (whole == 4).path == "q"
    assert text in ("b", "a")
    assert text not in ("b",)
    assert not flag
    assert trace_value(True, "r") == True  # noqa: E712
    assert {trace_value("a", "x"): 1}["a"] == 1
    assert trace_value(None, "p") is None
    assert isinstance(trace_value([1], "p"), TracedTuple)


def test_plain_takes_the_paths_away():
    found = untrace_value(
        {
            trace_value("k", "p"): [
                trace_value(True, "p"),
                trace_value(1, "p"),
                trace_value(0.5, "p"),
                None,
                trace_value(("a",), "p"),
            ]
        }
    )
    assert found == {"k": [True, 1, 0.5, None, ["a"]]}
    assert [type(v) for v in found["k"]] == [bool, int, float, type(None), list]
