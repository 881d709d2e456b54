"""The base that `recipes merge` takes: not one on ModelScope, whose name would be looked up on another hub."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.export.merge import find_trained_base
from qwen_recipes.export.merging.missing_base import explain_missing_base


def test_a_base_on_modelscope_is_refused_with_the_way(tmp_path, monkeypatch):
    adapter = tmp_path / "run"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "me/bot"}))
    (adapter / "global_step1").mkdir()
    values = {"model.id": "me/bot", "model.source": "modelscope", "model.local": False}
    record = SimpleNamespace(plan=[{"field": name, "value": value} for name, value in values.items()], recipe={})
    monkeypatch.setattr("qwen_recipes.export.merge.read_record", lambda folder: record)
    assert find_trained_base(adapter, adapter).on_modelscope
    done = CliRunner().invoke(main, ["merge", str(adapter), "-o", str(tmp_path / "out")])
    assert done.exit_code == 1 and "--base DIR" in done.output


def test_a_base_folder_is_found_from_where_the_command_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "adapter").mkdir()
    (tmp_path / "base").mkdir()
    (tmp_path / "adapter/adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "base"}))
    adapter = tmp_path / "adapter"
    assert find_trained_base(adapter, adapter).base == str(tmp_path / "base")
    assert find_trained_base(adapter, adapter, "./base").base == str(tmp_path / "base")
    assert find_trained_base(adapter, adapter, "Qwen/Qwen3-4B").base == "Qwen/Qwen3-4B"


class GatedRepoError(Exception):
    """As the hub's client calls it."""


@pytest.mark.parametrize(
    ("base", "error", "said"),
    [
        ("none", OSError("Got: ConnectError"), "none is neither a folder nor the id of a model"),
        ("./me/bot", OSError(), "./me/bot is neither a folder nor the id of a model"),
        ("me/bot", GatedRepoError("https://signed"), "me/bot is gated"),
        ("me/bot", OSError("https://signed"), "me/bot at revision abc is neither a folder nor in the local cache"),
    ],
)
def test_a_base_that_is_not_there_is_told_without_the_clients_words(base, error, said):
    message = explain_missing_base(base, "abc", error)
    assert message.startswith(said) and "signed" not in message and "Got" not in message
