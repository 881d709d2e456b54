"""The merge program reads configs as the package does: regular files, of a size and depth that fit."""

from __future__ import annotations

import os

import pytest

from qwen_recipes.export.merging.read_config import MergeError, read_config


def test_a_config_is_read(tmp_path):
    file = tmp_path / "adapter_config.json"
    file.write_text('{"r": 8}', "utf-8")
    assert read_config(file) == {"r": 8}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file"),
        ("pipe", "a pipe or a device"),
        ("link", "a pipe or a device"),
        ("[" * 5000, "nested deeper|not valid JSON"),
        ('{"a": ', "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        ('"' + "a" * (17 << 20) + '"', "the maximum is 16 MiB"),
    ],
    ids=["missing", "pipe", "device", "deep", "torn", "not text", "large"],
)
def test_what_is_hostile_is_refused_with_its_name(content, says, tmp_path):
    file = tmp_path / "config.json"
    if content == "pipe":
        os.mkfifo(file)
    elif content == "link":
        file.symlink_to("/dev/zero")
    elif content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(MergeError, match=f"config.json.*({says})"):
        read_config(file)
