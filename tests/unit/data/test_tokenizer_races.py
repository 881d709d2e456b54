"""A tokenizer that another process replaces while it is read: what was read is what is checked."""

from __future__ import annotations

import json
import shutil

import pytest

from qwen_recipes.data import encoder
from qwen_recipes.filesystem.read_file import read_bytes
from qwen_recipes.qwen.tokenizer import get_tokenizer_folder
from qwen_recipes.qwen.tokenizer_errors import UnsupportedTokenizerError

SLOW = {
    "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
    "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False},
    "added_tokens": [],
}


def test_qwens_own_file_put_in_its_place_hides_no_other(tmp_path, monkeypatch):
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(SLOW), "utf-8")
    reads = []

    def read_then_replace(path, kind):
        content = read_bytes(path, kind)
        reads.append(path)
        shutil.copy(get_tokenizer_folder("hybrid") / "tokenizer.json", file)
        return content

    monkeypatch.setattr(encoder, "read_bytes", read_then_replace)
    with pytest.raises(UnsupportedTokenizerError, match="not a tokenizer of Qwen's kind"):
        encoder.load_folder_tokenizer(tmp_path)
    assert reads == [file]
