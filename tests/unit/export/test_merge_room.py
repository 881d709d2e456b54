"""Host memory and disk of a merge: the estimate against what was measured, and a merge that has no room."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qwen_recipes.estimate.host_memory import estimate_merge_memory, estimate_model_merge_memory
from qwen_recipes.export import merge_room
from qwen_recipes.export.server_commands import format_server_command
from qwen_recipes.qwen.models import get_model_facts
from qwen_recipes.sizes import GIB, format_gib
from research.measurements import measure_mergekit_memory as mergekit
from research.measurements.measure_merge_memory import CASES, RESULTS
from research.measurements.random_models import facts_for_shape
from tests.conftest import ROOT
from tests.unit.cli.run_command import run

MEASURED = {row["case"]: row for row in json.loads(RESULTS.read_text("utf-8"))["rows"]}


MEASURED_MODELS = {row["method"]: row for row in json.loads(mergekit.RESULTS.read_text("utf-8"))["rows"]}


@pytest.mark.parametrize("method", MEASURED_MODELS)
def test_mergekit_takes_less_than_the_estimate(method: str) -> None:
    row, facts = MEASURED_MODELS[method], facts_for_shape(f"{mergekit.MODEL}-{mergekit.LAYERS}layers")
    estimate = estimate_model_merge_memory(facts, method, 2 + (method not in ("linear", "slerp")))
    assert row["peak_bytes"] < estimate < 2 * row["peak_bytes"]
    page = (ROOT / "docs/how-to/pipelines.md").read_text("utf-8")
    assert f"| {method} | {format_gib(row['peak_bytes'])} | {format_gib(estimate)} |" in page


@pytest.mark.parametrize("name", CASES)
def test_estimates_are_above_what_was_measured_and_not_far(name: str) -> None:
    row, case = MEASURED[name], CASES[name]
    facts = get_model_facts("Qwen/Qwen3-32B")
    estimate = estimate_merge_memory(facts, row["adapter_bytes"], embeddings=case.head, combined=case.adapters > 1)
    assert row["peak_bytes"] < estimate < 1.45 * row["peak_bytes"]


def test_the_peak_does_not_grow_with_the_layers() -> None:
    one, four = MEASURED["lora, 1 layer"], MEASURED["lora, 4 layers"]
    assert four["base_bytes"] - one["base_bytes"] > 2.9e9
    assert four["peak_bytes"] - one["peak_bytes"] < 0.2e9


def test_32b_is_merged_in_24_gib() -> None:
    facts = get_model_facts("Qwen/Qwen3-32B")
    assert max(estimate_merge_memory(facts, 2 * GIB), estimate_merge_memory(facts, 8 * GIB)) < 24 * GIB
    assert 2 * facts.parameters > 60e9


def test_the_page_has_the_measured_numbers() -> None:
    page = (ROOT / "docs/how-to/pipelines.md").read_text("utf-8")
    for name, row in MEASURED.items():
        assert f"| {name} | {format_gib(row['peak_bytes'])} |" in page, name


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """An adapter of Qwen3-32B."""
    folder = tmp_path / "adapter"
    folder.mkdir()
    config = {"peft_type": "LORA", "r": 8, "base_model_name_or_path": "Qwen/Qwen3-32B", "target_modules": ["q_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(config), "utf-8")
    (folder / "adapter_model.safetensors").write_bytes(b"\x02\x00\x00\x00\x00\x00\x00\x00{}")
    return folder


def test_a_merge_without_room_is_refused_with_both_numbers(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge_room, "read_available_memory", lambda: 3 * GIB)
    (tmp_path / "env/bin").mkdir(parents=True)
    (tmp_path / "env/bin/python").write_text("")
    done = run("merge", adapter, "-o", tmp_path / "merged", "--environment", tmp_path / "env")
    assert done.exit_code == 3
    assert "the merge needs about 4.4 GiB of host memory; 3.0 GiB are available" in done.stderr
    assert not (tmp_path / "merged").exists()


def test_factors_on_the_head_take_copies_of_it(adapter: Path) -> None:
    facts = get_model_facts("Qwen/Qwen3-32B")
    before = merge_room.estimate_adapters_merge([adapter], facts, None)
    config = json.loads((adapter / "adapter_config.json").read_text("utf-8"))
    (adapter / "adapter_config.json").write_text(json.dumps({**config, "target_modules": ["lm_head"]}), "utf-8")
    assert merge_room.estimate_adapters_merge([adapter], facts, None) > before + 8e9
    assert merge_room.estimate_adapters_merge([adapter], facts, "float32") > 12e9


def test_a_server_is_told_a_rank_that_it_takes(tmp_path: Path) -> None:
    told = format_server_command("Qwen/Qwen3-4B", tmp_path / "mixed", 24)
    assert told == (
        f"vllm serve Qwen/Qwen3-4B --enable-lora --max-lora-rank 32 --lora-modules mixed={tmp_path / 'mixed'}"
    )
    assert format_server_command("Qwen/Qwen3-4B", tmp_path / "mixed", 513) == ""


def test_plan_lists_the_merges_of_a_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    (tmp_path / "p.yaml").write_text(
        "version: 1\nmodel: Qwen/Qwen3-32B\ndata: {train: rows.jsonl}\nhardware: {gpu: h100, gpus: 1}\n"
        "method: qlora\nstages:\n  - {name: sft}\n  - {name: merged, merge: base}\n",
        "utf-8",
    )
    done = run("plan", "p.yaml", "--backend", "llamafactory")
    assert "stage merged: merge, 4." in done.stdout and "of host memory, 61.0 GiB of disk" in done.stdout, done.stdout
    (found,) = [one for one in json.loads(run("plan", "p.yaml", "--format", "json").stdout) if one.get("merge")]
    assert found["stage"] == "merged" and 4e9 < found["host_bytes"] < 6e9 and found["disk_bytes"] > 65e9
