"""YAML is read as people mean it, each key and value has its place, and no text can hurt."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from qwen_recipes.filesystem.read_file import get_max_bytes
from qwen_recipes.finding import RecipeError, Span
from qwen_recipes.yaml_text.nodes import Mapping, Scalar, Sequence, plain_data
from qwen_recipes.yaml_text.reader import MAX_SCALAR, read_yaml

HANGS = 60
"""Seconds: what takes longer has run away. How fast it is, `make bench` says."""


def data(text):
    return plain_data(read_yaml(text, "r.yaml").root)


def refused(text):
    with pytest.raises(RecipeError) as caught:
        read_yaml(text, "r.yaml")
    for finding in caught.value.findings:
        assert finding.file == "r.yaml"
        assert finding.severity == "error"
    return caught.value.findings


def place(span):
    return span.line, span.column


# --- places


def test_every_key_and_value_has_line_and_column():
    document = read_yaml("version: 1\nmodel:\n  id: 'Qwen'\ndata: {train: [a, bc]}\n", "r.yaml")
    assert document.span(("version",)) == Span(1, 10, 1, 11)
    assert document.span(("version",), key=True) == Span(1, 1, 1, 8)
    assert document.span(("model", "id")) == Span(3, 7, 3, 13)
    assert document.span(("model", "id"), key=True) == Span(3, 3, 3, 5)
    assert document.span(("data", "train", 1)) == Span(4, 19, 4, 21)
    assert document.span(("data", "train")) == Span(4, 15, 4, 22)


@pytest.mark.parametrize(
    ("text", "route", "where"),
    [
        ("größe: 1\nname: '🦜 x'\nb: {'🦜': 2}\n", ("b", "🦜"), (3, 10)),
        ("a: 1\r\nb: 2\r\n", ("b",), (2, 4)),
        ("a: 1\rb: 2\r", ("b",), (2, 4)),
        ("a:\t1\nb: \t 2\n", ("b",), (2, 6)),
        ("# comment\n\n---\na: 1\n", ("a",), (4, 4)),
        ("%YAML 1.1\n---\na: 1\n", ("a",), (3, 4)),
        ("? a\n: 1\n", ("a",), (2, 3)),
        ("a: |\n  text\n  more\nb: 2\n", ("b",), (4, 4)),
        ("a: |\n  text\n", ("a",), (1, 4)),
        ("a: >-\n\n  text\n\nb: {c: 1}\n", ("b", "c"), (5, 8)),
        ("a: one\n  two\nb: 2\n", ("b",), (3, 4)),
        ("a: 'x\n\n  y'\nb: 2\n", ("b",), (4, 4)),
        ("a: &x 5\nb: *x\n", ("b",), (1, 4)),
    ],
)
def test_places(text, route, where):
    span = read_yaml(text, "r.yaml").span(route)
    # an anchor is part of the value's stretch
    assert place(span) == where


def test_byte_order_mark_moves_no_column():
    document = read_yaml(b"\xef\xbb\xbfa: 1\n", "r.yaml")
    assert document.span(("a",)) == Span(1, 4, 1, 5)
    assert document.span(("a",), key=True) == Span(1, 1, 1, 2)


def test_merged_keys_point_at_where_they_are_written():
    document = read_yaml("base: &b {rank: 8, alpha: 9}\nmethod:\n  <<: *b\n  rank: 16\n", "r.yaml")
    assert plain_data(document.root)["method"] == {"rank": 16, "alpha": 9}
    assert place(document.span(("method", "rank"), key=True)) == (4, 3)
    assert place(document.span(("method", "alpha"), key=True)) == (1, 20)


def test_a_route_beyond_the_text_stops_where_the_text_stops():
    document = read_yaml("model: Qwen\n", "r.yaml")
    assert document.span(("model", "id")) == Span(1, 8, 1, 12)
    assert document.span(("nothing", "here")) == Span(1, 1, 1, 1)


# --- values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E5", 1e5),
        ("+1e3", 1e3),
        (".5", 0.5),
        ("5.", 5.0),
        ("-0", 0),
        ("012", 12),
        ("+7", 7),
        ("9" * 31, float("9" * 31)),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("y", "y"),
        ("true", True),
        ("FALSE", False),
        ("tRuE", "tRuE"),
        ("'1e-4'", "1e-4"),
        ('"true"', "true"),
        ("'null'", "null"),
        ("null", None),
        ("~", None),
        ("", None),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"),
        ("1.2.3", "1.2.3"),
        ("=", "="),
        ("1e", "1e"),
        ("e5", "e5"),
        ("٣", "٣"),
        ("|-\n  1\n  2", "1\n2"),
        (">-\n  a\n  b", "a b"),
        (".inf", float("inf")),
        ("-.INF", float("-inf")),
    ],
)
def test_values(text, value):
    read = data(f"a: {text}\n")["a"]
    assert read == value
    assert type(read) is type(value)


def test_the_text_of_a_scalar_is_kept_as_written():
    node = read_yaml("a: 1e4\n", "r.yaml").find_node(("a",))
    assert isinstance(node, Scalar)
    assert (node.raw, node.value, node.plain) == ("1e4", 1e4, True)


@pytest.mark.parametrize(
    ("key", "name"), [("1", "1"), ("on", "on"), ("null", "null"), ("true", "true"), ("'<<'", "<<")]
)
def test_keys_are_text_as_written(key, name):
    assert data(f"{key}: 5\n") == {name: 5}


def test_merge_takes_a_list_and_the_first_wins():
    assert data("a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc: {<<: [*a, *b], z: 3}\n")["c"] == {"z": 3, "x": 1, "y": 1}


def test_kinds_of_nodes():
    root = read_yaml("a: [1]\n", "r.yaml").root
    assert isinstance(root, Mapping)
    assert isinstance(root.entries["a"], Sequence)


# --- what is refused


def test_duplicates_are_all_reported_at_once():
    found = refused("a: 1\nb: {c: 1, c: 2}\na: 2\nd: 1\na: 3\n")
    assert [(f.span.line, f.span.column, f.message.split("`")[1]) for f in found] == [
        (2, 11, "c"),
        (3, 1, "a"),
        (5, 1, "a"),
    ]
    assert "first on line 1" in found[1].message
    assert found[1].line == "a: 2"


@pytest.mark.parametrize(
    "text", ["a: {1: x, '1': y}", 'a: {x: 1, "x": 2}', "{a: 1, a: 1}", "? a\n: 1\n? a\n: 2\n"], ids=range(4)
)
def test_duplicates_in_every_dress(text):
    assert "duplicate key" in refused(text)[0].message


@pytest.mark.parametrize(
    "value",
    [
        "!!int 3",
        "!!python/object/apply:os.system [ls]",
        "!!python/name:os.system x",
        "!foo bar",
        "!foo {x: 1}",
        "!!set {x}",
        "!!omap [x: 1]",
        "!!binary aGk=",
        "!<tag:x> y",
    ],
)
def test_tags_are_refused_at_their_place(value):
    (found, *_) = refused(f"a: 1\nb: {value}\n")
    assert "is not supported" in found.message
    assert place(found.span) == (2, 4)


@pytest.mark.parametrize("kind", ["[{0}]", "{{x: {0}}}"])
def test_billion_laughs_is_refused_quickly_with_its_line(kind):
    lines = ["a0: &a0 [" + ", ".join(["lol"] * 10) + "]"]
    for n in range(1, 12):
        inner = ", ".join(f"*a{n - 1}" for _ in range(10))
        lines.append(f"a{n}: &a{n} [{inner}]")
    start = time.monotonic()
    (found,) = refused("\n".join(lines) + "\n")
    assert time.monotonic() - start < HANGS
    assert "expands to more than" in found.message
    assert found.span.line in (4, 5)


def test_merge_bomb_is_refused_quickly():
    lines = ["a0: &a0 {" + ", ".join(f"k{i}: 1" for i in range(50)) + "}"]
    lines += [f"a{n}: &a{n} {{b: [" + ", ".join([f"*a{n - 1}"] * 30) + f"], <<: *a{n - 1}}}" for n in range(1, 9)]
    start = time.monotonic()
    assert "expands" in refused("\n".join(lines))[0].message
    assert time.monotonic() - start < HANGS


def test_a_long_chain_of_aliases_is_refused_and_not_a_crash():
    text = "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 5001))
    start = time.monotonic()
    (found,) = refused(text)
    assert time.monotonic() - start < HANGS
    assert "nested deeper" in found.message
    assert found.span.line < 70


@pytest.mark.parametrize("text", ["[" * 50_000, "a: " + "{a: " * 5000, "- " * 3000, "a: " + "[" * 65 + "]" * 65])
def test_deep_nesting_is_refused(text):
    start = time.monotonic()
    assert any("nested deeper" in f.message for f in refused(text))
    assert time.monotonic() - start < HANGS


def test_nesting_that_people_write_is_fine():
    assert data("a: " + "[" * 40 + "]" * 40)


def test_an_alias_of_nothing_and_of_itself():
    assert "undefined alias" in refused("a: *x\n")[0].message
    assert "undefined alias" in refused("a: &x [*x]\n")[0].message


def test_two_documents():
    (found,) = refused("a: 1\n---\nb: 2\n")
    assert "second YAML document" in found.message
    assert found.span.line == 2


@pytest.mark.parametrize("text", ["", "# only this\n", "\n\n", b"\xef\xbb\xbf"])
def test_empty(text):
    assert "empty" in refused(text)[0].message


@pytest.mark.parametrize(("content", "line"), [(b"a: 1\nb: \xff\n", 2), (b"\xfe\xff", 1), (b"a: \xc3(\n", 1)])
def test_bytes_that_are_no_utf8_have_a_line(content, line):
    (found,) = refused(content)
    assert "UTF-8" in found.message
    assert found.span.line == line


@pytest.mark.parametrize(("text", "where"), [("a: 1\nb: x\x07y\n", (2, 5)), ("a: \x00", (1, 4)), ("a\x1b: 1", (1, 2))])
def test_control_characters_have_a_place(text, where):
    (found,) = refused(text)
    assert place(found.span) == where


def test_a_huge_file_is_refused_and_a_huge_scalar_read():
    assert "the maximum is 4 MiB" in refused(b"a: " + b"x" * get_max_bytes("recipe"))[0].message
    assert len(data(b"a: " + b"x" * MAX_SCALAR)["a"]) == MAX_SCALAR
    assert "characters" in refused(b"a: " + b"x" * (MAX_SCALAR + 1))[0].message
    start = time.monotonic()
    data("a: " + "1" * 60_000 + "\nb: " + "9" * 60_000 + "e\n")
    assert time.monotonic() - start < HANGS


@pytest.mark.parametrize(
    ("text", "line", "advice"),
    [
        ("a:\n\tb: 1\n", 2, "spaces"),
        ("a: 1\nb: x: y\n", 2, "colon"),
        ("a: [1,\nb: 2\n", 1, ""),
        ("a: 'open\n", 1, ""),
        ("a: 1\n b: 2\n", 2, ""),
        ("a: @x\n", 1, ""),
    ],
)
def test_what_is_no_yaml_has_a_line_and_advice(text, line, advice):
    (found,) = refused(text)
    assert found.message.startswith("invalid YAML")
    assert found.span.line == line
    assert advice in found.suggestion


def test_a_key_that_is_a_list():
    assert any("keys must be text" in f.message for f in refused("? [a, b]\n: 1\n"))


def test_merge_takes_only_maps():
    assert "takes a map" in refused("a: {<<: 1}\n")[0].message


# --- anything at all


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=200))
@example(b"\xff")
@example(b"a: \xed\xa0\x80")
def test_bytes_never_crash(content):
    try:
        plain_data(read_yaml(content, "r.yaml").root)
    except RecipeError as error:
        assert error.findings


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=120))
@example("\ud800")
@example("\ufeff\ufeffa: 1")
def test_text_never_crashes(text):
    try:
        read_yaml(text, "r.yaml")
    except RecipeError as error:
        assert error.findings


PIECES = ["a", "b: ", "- ", "\n", "  ", "[", "]", "{", "}", ", ", "&x ", "*x", "<<: ", "!t ", "'", '"', "|\n",
    "? ", ": ",
          "#", "---\n", "...\n", "1e-4", "\t", "%", "é", "\r\n"]  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_near_yaml_never_crashes_and_every_place_is_in_the_text(text):
    lines = text.splitlines() or [""]
    try:
        document = read_yaml(text, "r.yaml")
    except RecipeError as error:
        for finding in error.findings:
            assert finding.span is None or 1 <= finding.span.line <= len(lines) + 1
        return
    todo = [document.root]
    while todo:
        node = todo.pop()
        assert 1 <= node.span.line <= len(lines) + 1
        assert (node.span.line, node.span.column) <= (node.span.end_line, node.span.end_column)
        todo += node.items if isinstance(node, Sequence) else []
        todo += node.entries.values() if isinstance(node, Mapping) else []


NAMES = st.text(st.characters(blacklist_characters="\0"), max_size=8)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=25,
)


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(NAMES, JSON, max_size=5))
def test_json_reads_equal(value):
    # JSON is YAML, but for how it writes characters beyond the first plane
    text = json.dumps(value, ensure_ascii=True)
    if "\\ud" in text:
        return
    assert data(text) == value
