"""A value is written so that every reader reads it alike, and marks leave no trace."""

from __future__ import annotations

import json
import math
import subprocess

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qwen_recipes.compile.leaves import Flag, Items, Text, Whole, leaf, plain
from qwen_recipes.compile.scalars import json_value, marks_in, number, printer, shell_word, unmarked, yaml_scalar
from qwen_recipes.recipe.nodes import plain_data
from qwen_recipes.recipe.reader import read_yaml

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
    written = f"a: {yaml_scalar(text)}\nb: [{yaml_scalar(text)}]\n{yaml_scalar(text)}: c\n"
    assert yaml.safe_load(written) == {"a": text, "b": [text], text: "c"} | ({"a": "c"} if text == "a" else {})
    assert yaml_1_2(written)["a"] == text
    assert json.loads(json_value(text)) == text


@pytest.mark.parametrize("text", [text for text in ODD if "${" not in text])
def test_omegaconf_reads_it_alike(text):
    omegaconf = pytest.importorskip("omegaconf")
    assert omegaconf.OmegaConf.create(f"a: {yaml_scalar(text)}\n").a == text


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(), max_size=30))
@example("\ud800")
def test_any_text(text):
    if any("\ud800" <= c <= "\udfff" for c in text):
        yaml_scalar(text).encode()
        return
    written = f"a: {yaml_scalar(text)}\n"
    assert yaml.safe_load(written) == {"a": text}
    assert plain_data(read_yaml(written, "x").root) == {"a": text}
    assert unmarked(written) == written


@settings(max_examples=300, deadline=None)
@given(st.floats(allow_nan=False))
@example(1e-5)
@example(1e22)
@example(5e-324)
@example(-0.0)
@example(1e15)
@example(float("inf"))
def test_any_number_is_a_float_to_all(value):
    text = number(value)
    for read in (yaml.safe_load(text), yaml_1_2(text), plain_data(read_yaml(f"a: {text}", "x").root)["a"]):
        assert read == value
        assert isinstance(read, float)


def test_not_a_number():
    assert math.isnan(yaml.safe_load(yaml_scalar(float("nan"))))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(ODD)
    | st.text("ab: ,{}'", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(ODD), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_any_value(value):
    assert yaml.safe_load(f"a: {yaml_scalar(value)}\n") == {"a": value}


@pytest.mark.parametrize("text", ["a b", "$x", "`ls`", "'", '"', "a;b", "-n", "é", "a\nb", "", "*"])
def test_shell_words(text):
    done = subprocess.run(["bash", "-c", f"printf %s {shell_word(text)}"], capture_output=True, check=True)
    assert done.stdout.decode() == text


@pytest.mark.parametrize(
    "value",
    [
        leaf(True, "p"),
        leaf("x y", "p"),
        leaf('a"b', "p"),
        leaf("no", "p"),
        leaf(3, "p"),
        leaf(0.5, "p"),
        leaf(("a", "b"), "p"),
    ],
)
def test_marks_are_found_and_leave_no_trace(value):
    marked, bare = printer("yaml", marked=True)(value), printer("yaml", marked=False)(value)
    assert marked != bare
    assert unmarked(marked) == bare
    assert marks_in(yaml.safe_load(f"a: {marked}")) == {"p"}


def test_leaves_compare_like_what_they_hold():
    text, whole, flag = leaf("a", "p"), leaf(4, "q"), leaf(False, "r")
    assert isinstance(text, Text)
    assert isinstance(whole, Whole)
    assert text == "a"
    assert text != "b"
    assert not (text != "a")  # noqa: SIM202
    assert isinstance(text == "a", Flag)
    assert (text == "a").path == "p"
    assert whole == 4
    assert whole != 5
    assert (whole == 4).path == "q"
    assert text in ("b", "a")
    assert text not in ("b",)
    assert not flag
    assert leaf(True, "r") == True  # noqa: E712
    assert {leaf("a", "x"): 1}["a"] == 1
    assert leaf(None, "p") is None
    assert isinstance(leaf([1], "p"), Items)


def test_plain_takes_the_paths_away():
    found = plain({leaf("k", "p"): [leaf(True, "p"), leaf(1, "p"), leaf(0.5, "p"), None, leaf(("a",), "p")]})
    assert found == {"k": [True, 1, 0.5, None, ["a"]]}
    assert [type(v) for v in found["k"]] == [bool, int, float, type(None), list]
