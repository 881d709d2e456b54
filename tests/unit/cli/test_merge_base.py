"""The base that `recipes merge` takes: not one on ModelScope, whose name would be looked up on another hub."""

from __future__ import annotations

import json
from types import SimpleNamespace

from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.export.merge import find_trained_base


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
