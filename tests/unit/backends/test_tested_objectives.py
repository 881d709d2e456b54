"""What `recipes backends` says was run comes from committed results: nothing else may say so."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.tested_objectives import FILE, OBJECTIVES, describe_levels, load_tested_objectives
from qwen_recipes.cli import main
from qwen_recipes.compile.support_matrix import describe_tested_objective
from tools import tested_objectives


def test_the_file_is_what_the_results_say():
    assert FILE.read_text("utf-8") == tested_objectives.render_tested_objectives()


@pytest.mark.parametrize(
    ("result", "levels"),
    [
        ({"outcome": "trained", "version": load_backend("trl").version}, ["trained on a CPU"]),
        ({"outcome": "parsed", "version": load_backend("trl").version}, ["parsed"]),
        ({"outcome": "failed", "version": load_backend("trl").version}, []),
        ({"outcome": "refused", "version": load_backend("trl").version}, []),
        ({"outcome": "trained", "version": "0.1"}, []),
    ],
)
def test_a_run_counts_where_it_trained_at_this_version(result, levels, tmp_path, monkeypatch):
    (tmp_path / "results.json").write_text(json.dumps({"kto": {"trl": result}}), "utf-8")
    monkeypatch.setattr(tested_objectives, "CONFORMANCE", tmp_path)
    assert list(tested_objectives.list_conformance_runs()) == [("trl", "kto", level) for level in levels]


def test_without_results_nothing_was_run():
    backend = load_backend("ms-swift")
    assert describe_tested_objective(backend, "dpo", {}) == "not run"
    assert describe_tested_objective(load_backend("trl"), "orpo", {}) == "unsupported"
    assert describe_tested_objective(load_backend("unsloth"), "grpo", {}) == "unsupported"


def test_an_objective_in_words():
    levels = ("parsed", "seen at the trainer", "trained on a CPU", "trained on two GPUs")
    assert describe_levels(levels) == "parsed; seen at the trainer; trained on a CPU, two GPUs"
    assert describe_levels(()) == "not run"


def test_the_command_says_it():
    listed = CliRunner().invoke(main, ["backends", "unsloth"]).stdout
    assert all(f"  {objective}" in listed for objective in OBJECTIVES)
    told = json.loads(CliRunner().invoke(main, ["backends", "--format", "json"]).stdout)
    assert next(one for one in told if one["name"] == "unsloth")["tested"]["dpo"] == "unsupported"
    assert load_tested_objectives("none of ours") == {}
