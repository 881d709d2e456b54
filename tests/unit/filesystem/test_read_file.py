"""A whole file is read if it is a regular one of a size that its kind has; the message says what is wrong."""

from __future__ import annotations

import json
import os
import sys

import pytest

from qwen_recipes.filesystem.read_file import (
    MAX_DEPTH,
    MAX_MIB,
    get_max_bytes,
    parse_json,
    read_bytes,
    read_head,
    read_json,
    read_tail,
    read_text,
)
from qwen_recipes.filesystem.regular_file import open_regular_file


def test_files_are_read(tmp_path):
    file = tmp_path / "a"
    file.write_text('{"a": ["ü", 1]}', "utf-8")
    (tmp_path / "link").symlink_to("a")
    assert read_json(file, "config") == read_json(tmp_path / "link", "config") == {"a": ["ü", 1]}
    assert read_text(file, "template") == '{"a": ["ü", 1]}'
    assert (read_head(file, 4), read_tail(file, 4)) == (b'{"a"', b" 1]}")


@pytest.mark.parametrize("read", [open_regular_file, lambda p: read_bytes(p, "recipe"), lambda p: read_head(p, 9)])
def test_what_is_no_file_is_neither_read_nor_waited_for(tmp_path, read):
    os.mkfifo(tmp_path / "pipe")
    for place, said in (("/dev/zero", "a pipe or a device"), (tmp_path / "pipe", "a pipe"), (tmp_path, "a folder")):
        with pytest.raises(OSError, match=said):
            read(type(tmp_path)(place))
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "absent")


@pytest.mark.parametrize("kind", MAX_MIB)
def test_a_file_over_its_kinds_limit_is_named_with_the_way_to_change_it(tmp_path, monkeypatch, kind):
    name = f"RECIPES_MAX_{kind.upper().replace(' ', '_')}_MIB"
    monkeypatch.setenv(name, "1")
    file = tmp_path / "a"
    with file.open("wb") as made:
        made.truncate((1 << 20) + 1)
    with pytest.raises(OSError, match=f"the maximum is 1 MiB \\({name} changes that\\)"):
        read_bytes(file, kind)
    monkeypatch.setenv(name, "2")
    assert len(read_bytes(file, kind)) == (1 << 20) + 1
    for wrong in ("", "0", "-1", "x", "1" * 30):
        monkeypatch.setenv(name, wrong)
        assert get_max_bytes(kind) == MAX_MIB[kind] << 20


def test_a_large_file_is_not_read_to_be_refused(tmp_path):
    file = tmp_path / "sparse"
    with file.open("wb") as made:
        made.truncate(1 << 40)
    for kind in MAX_MIB:
        with pytest.raises(OSError, match=r"1,048,576\.0 MiB"):
            read_bytes(file, kind)


def test_files_of_proc_say_that_they_are_empty_and_are_not():
    if not sys.platform.startswith("linux"):
        pytest.skip("needs /proc")
    from pathlib import Path

    assert read_bytes(Path("/proc/self/status"), "config")


@pytest.mark.parametrize("mark", ["[", '{"a":', '[{"b":['])
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 5_000, 100_000])
def test_depth_is_limited_and_its_place_named(mark, depth):
    text = '{"s": "[[[\\"[[["}'.join(["[", ","]) + mark * depth
    with pytest.raises(json.JSONDecodeError):
        parse_json(text)
    whole = "[" * depth + "]" * depth
    with pytest.raises(json.JSONDecodeError, match="deeper than 200 levels: line 1 column 201"):
        parse_json(whole)


def test_marks_within_text_are_no_depth():
    text = json.dumps(["[" * 1000, '"[\\' * 500, {"{" * 999: 1}])
    assert parse_json(text) == json.loads(text)
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH)


def test_numbers_of_too_many_digits_are_json_errors():
    with pytest.raises(json.JSONDecodeError):
        parse_json("9" * 10_000)
