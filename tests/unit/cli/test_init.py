"""`recipes init`: what it writes lints clean, compiles, and fits by the estimate."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from qwen_recipes.backends import load_backend
from qwen_recipes.cli import main
from qwen_recipes.compile.starter_recipe import StarterRequest, make_starter_recipe
from qwen_recipes.environments import gpu as gpu_module
from qwen_recipes.gpus.catalogue import get_gpu_model, load_gpus
from qwen_recipes.guards import run_guards
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import resolve
from tests.conftest import BACKENDS, ROOT

DATA = ROOT / "examples" / "data"


def init(folder, *words):
    return CliRunner().invoke(main, ["init", "-o", str(folder / "mine.yaml"), *words])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("rows", "gpu", "objective"),
    [
        ("support.jsonl", "rtx-3060", None),
        ("preferences.jsonl", "rtx-4090", "dpo"),
        ("labelled.jsonl", "h100", "kto"),
        ("articles.jsonl", "l4", "pretrain"),
        ("sharegpt.jsonl", "rtx-4060", None),
    ],
)
def test_what_it_writes_is_good_and_fits(tmp_path, backend, rows, gpu, objective):
    result = init(tmp_path, "--data", str(DATA / rows), "--gpu", gpu, "--backend", backend)
    assert result.exit_code == 0, result.output
    file = str(tmp_path / "mine.yaml")
    text = (tmp_path / "mine.yaml").read_text("utf-8")
    assert (f"objective: {objective}" in text) == (objective is not None) and "# " in text
    findings = json.loads(CliRunner().invoke(main, ["lint", file, "--format", "json"]).stdout)
    assert not [f for f in findings if f["severity"] in ("error", "warning")], findings
    assert CliRunner().invoke(main, ["compile", file, "-o", str(tmp_path / "out")]).exit_code == 0
    assert CliRunner().invoke(main, ["plan", file]).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.yaml", "out"], "nothing else is left there"


def test_a_file_that_is_there_stays(tmp_path):
    (tmp_path / "mine.yaml").write_text("mine", "utf-8")
    assert init(tmp_path, "--data", str(DATA / "support.jsonl")).exit_code == 2
    assert (tmp_path / "mine.yaml").read_text("utf-8") == "mine"
    assert init(tmp_path, "--data", str(DATA / "support.jsonl"), "--force").exit_code == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "--data"),
        (("--data", "nowhere.jsonl"), 2, "nowhere.jsonl"),
        (("--data", str(DATA / "support.jsonl"), "--gpu", "rtx-1"), 2, "rtx-1"),
        (("--data", str(DATA / "support.jsonl"), "--backend", "axolot"), 2, "axolotl"),
        (("--data", str(DATA / "support.jsonl"), "--model", "Qwen/Qwen3-5B"), 2, "Qwen3-5B"),
        (("--data", str(DATA / "support.jsonl"), "--model", "Qwen/Qwen3-235B-A22B", "--gpu", "t4"), 1, "does not fit"),
    ],
)
def test_what_can_t_be_is_said(tmp_path, words, code, said):
    result = init(tmp_path, *words)
    assert result.exit_code == code and said in result.output
    assert not list(tmp_path.iterdir())


def plan_of(file):
    result = CliRunner().invoke(main, ["plan", str(file), "--format", "json"])
    (said,) = json.loads(result.stdout)
    return said


def assert_it_says_what_plan_says(folder, said):
    """Fits, and the same numbers: in the message, in the file, and from `recipes plan`. Lints clean."""
    file = folder / "mine.yaml"
    planned = plan_of(file)
    size = f"{planned['memory_bytes']['peak'] / 2**30:.1f} of {planned['memory_bytes']['usable'] / 2**30:.1f} GiB"
    assert planned["fits"] == "yes" and f"fits {planned['gpu']}, estimated at {size}" in said
    assert size.replace(" of ", " GiB; ") + " are available" in file.read_text("utf-8")
    findings = json.loads(CliRunner().invoke(main, ["lint", str(file), "--format", "json"]).stdout)
    assert not [f for f in findings if f["severity"] in ("error", "warning")], findings


def try_init(folder, model, gpu):
    """What it writes is as it says; where it writes nothing it says what would fit."""
    result = init(folder, "--data", str(DATA / "support.jsonl"), "--model", model, "--gpu", gpu)
    if result.exit_code == 0:
        assert_it_says_what_plan_says(folder, result.output)
        assert ("precision: fp32" in (folder / "mine.yaml").read_text("utf-8")) == (
            not get_gpu_model(gpu).supports_bf16
        )
    else:
        assert result.exit_code == 1 and "does not fit" in result.output, result.output
        assert re.search(r" fits |a smaller model", result.output) and not list(folder.iterdir())
    return result.exit_code == 0


@pytest.mark.parametrize("gpu", ["t4", "rtx-3060", "rtx-4090", "a100-80gb"])
@pytest.mark.parametrize("model", ["Qwen3-0.6B", "Qwen3-8B", "Qwen3-32B", "Qwen3-30B-A3B"])
def test_sixteen_pairs_of_model_and_gpu(tmp_path, model, gpu):
    wrote = try_init(tmp_path, f"Qwen/{model}", gpu)
    assert wrote or (model, gpu) not in {("Qwen3-0.6B", "t4"), ("Qwen3-8B", "rtx-4090"), ("Qwen3-32B", "a100-80gb")}


@pytest.mark.parametrize("gpu", ["mi300x", "v100-32gb", "gb10", "H100 MIG 1g.10gb"])
def test_gpus_with_an_environment_of_their_own_and_slices(tmp_path, gpu):
    assert try_init(tmp_path, "Qwen/Qwen3-4B", gpu)
    managed = not get_gpu_model(gpu).outside_cuda_wheels
    assert ("environment: current" in (tmp_path / "mine.yaml").read_text("utf-8")) != managed


def list_kinds_of_gpus():
    """GPUs that only their speed or a few GiB tell apart count once."""
    gpus = load_gpus().values()
    kinds = {(round(gpu.memory, -1), gpu.supports_bf16, bool(gpu.outside_cuda_wheels)): gpu for gpu in gpus}
    return list(kinds.values())


@pytest.mark.parametrize(
    "gpus",
    [
        pytest.param(list_kinds_of_gpus(), id="kinds"),
        pytest.param(list(load_gpus().values()), id="all", marks=pytest.mark.full),
    ],
)
def test_every_gpu_of_the_catalogue(tmp_path, gpus):
    """A recipe that lints clean and fits."""
    backend = load_backend("llamafactory")
    for gpu in gpus:
        model = "Qwen/Qwen3-4B" if gpu.memory >= 8 else "Qwen/Qwen3-0.6B"
        made = make_starter_recipe(StarterRequest(model, DATA / "support.jsonl", gpu, backend, None), tmp_path)
        loaded = load_recipe_text(made.text, str(tmp_path / "recipe.yaml"), tmp_path)
        found = [one for one in run_guards(resolve(loaded, backend), loaded, backend) if one.severity != "advice"]
        assert not found and made.estimate.check_fit() == "yes", (gpu.name, found)
        assert loaded.recipe.hardware.gpu.name == gpu.name


@pytest.mark.parametrize(
    ("stated", "memory", "bf16"), [("48GiB", 48, "true"), ("20 GB", 20, "true"), ("12GiB,bf16=false", 12, "false")]
)
def test_a_gpu_that_is_not_listed_is_stated_by_its_memory(tmp_path, stated, memory, bf16):
    result = init(tmp_path, "--data", str(DATA / "support.jsonl"), "--gpu", stated)
    assert result.exit_code == 0, result.output
    assert f"gpu: {{memory: {memory} GiB, bf16: {bf16}}}" in (tmp_path / "mine.yaml").read_text("utf-8")
    assert_it_says_what_plan_says(tmp_path, result.output)


def test_the_gpu_that_is_there_is_taken(tmp_path, monkeypatch):
    row = ["NVIDIA A100-SXM4-40GB", "40960", "580.1", "0", "GPU-1"]
    monkeypatch.setattr(gpu_module, "_query_visible_gpus", lambda: [row])
    result = init(tmp_path, "--data", str(DATA / "support.jsonl"))
    assert result.exit_code == 0 and "assumed" not in result.output
    text = (tmp_path / "mine.yaml").read_text("utf-8")
    assert "gpu: a100-40gb   # found on this machine" in text
    assert_it_says_what_plan_says(tmp_path, result.output)


def test_gpus_that_are_there_are_used_where_one_is_too_small(tmp_path, monkeypatch):
    row = ["NVIDIA GeForce RTX 4080", "16376", "580.1", "0", "GPU-1"]
    monkeypatch.setattr(gpu_module, "_query_visible_gpus", lambda: [row] * 4)
    words = ("--data", str(DATA / "support.jsonl"), "--model", "Qwen/Qwen3-32B", "--backend", "axolotl")
    result = init(tmp_path, *words)
    assert result.exit_code == 0, result.output
    assert_it_says_what_plan_says(tmp_path, result.output)
    assert "gpus: " in (tmp_path / "mine.yaml").read_text("utf-8")


def test_a_gpu_that_is_assumed_is_said_to_be(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_module, "_query_visible_gpus", lambda: [])
    result = init(tmp_path, "--data", str(DATA / "support.jsonl"))
    assert "assuming rtx-4090" in result.output and "# assumed" in (tmp_path / "mine.yaml").read_text("utf-8")
    named = init(tmp_path, "--data", str(DATA / "support.jsonl"), "--gpu", "rtx-4090", "--force")
    assert "assuming" not in named.output and "# assumed" not in (tmp_path / "mine.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"messages": [{"role": "user", "content": "nobody answers"}]}], "no usable example"),
        ([{"messages": []}, {"messages": "not a list"}], "no usable example"),
        ([{"conversations": [{"from": "alien", "value": "hello"}]}], "no usable example"),
    ],
)
def test_it_says_nothing_fits_of_rows_that_can_t_be_trained_on(tmp_path, rows, said):
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    result = init(tmp_path, "--data", str(file))
    assert result.exit_code == 1 and said in result.output and "estimated at" not in result.output
    assert not (tmp_path / "mine.yaml").exists()


def test_on_a_terminal_each_answer_is_checked_before_the_next_question(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gpu_module, "detect_gpus", list)
    monkeypatch.setattr("qwen_recipes.cli.init.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    answers = ["no/model", "", "no.jsonl", str(DATA / "support.jsonl"), "rtx-1", "rtx-3060", "axolot", "axolotl"]
    result = CliRunner().invoke(main, ["init"], input="\n".join(answers) + "\n")
    assert result.exit_code == 0, result.output
    errors = ("'no/model'", "no.jsonl", "unknown GPU", "unknown framework")
    asked = [result.output.index(f"Error: {said}") for said in errors]
    assert asked == sorted(asked) and (tmp_path / "support.recipe.yaml").is_file()
    assert all(
        result.output.count(question) == 2 for question in ("Model [", "Training data (", "GPU [", "Framework [")
    )


@pytest.mark.parametrize("backend", ["unsloth", "torchtune"])
def test_a_framework_with_values_of_its_own_is_named_with_them(tmp_path, backend):
    result = init(tmp_path, "--data", str(DATA / "support.jsonl"), "--gpu", "rtx-4090", "--backend", backend)
    assert result.exit_code == 1 and f"`run.backend: {backend}`" in result.output
    assert all(f"`{field}: " in result.output for field in load_backend(backend).required_values)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--data", "support.jsonl", "--model", "Qwen/Qwen3-4Bb"], 2, "did you mean Qwen/Qwen3-4B"),
        (["--data", "pairs.jsonl", "--goal", "chat"], 1, "no recipe was written: `sft` cannot train on the layout"),
        (["--data", "arena.jsonl"], 1, "write columns `chosen` and `rejected`"),
        (["--data", "empty.jsonl"], 1, "the file has no rows"),
    ],
)
def test_errors_name_no_place_in_a_recipe_that_was_not_written(tmp_path, monkeypatch, options, code, said):
    monkeypatch.chdir(tmp_path)
    Path("support.jsonl").write_bytes((DATA / "support.jsonl").read_bytes())
    Path("pairs.jsonl").write_text('{"prompt": "q", "chosen": "a", "rejected": "b"}\n', "utf-8")
    Path("arena.jsonl").write_text('{"prompt": "q", "answer_a": "x", "answer_b": "y", "winner": "a"}\n', "utf-8")
    Path("empty.jsonl").touch()
    result = init(tmp_path, *options, "--gpu", "h100")
    assert result.exit_code == code and said in result.output
    assert ".yaml:" not in result.output and not (tmp_path / "mine.yaml").exists()


def test_prompts_without_answers_are_for_grpo(tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "What is 2 plus 2?"}\n', "utf-8")
    result = init(tmp_path, "--data", str(rows), "--gpu", "rtx-4090")
    assert result.exit_code == 1 and "objective: grpo" in result.output and "format:" not in result.output


def test_a_gpu_called_cpu_is_told_where_the_device_stands(tmp_path):
    result = init(tmp_path, "--data", str(DATA / "support.jsonl"), "--gpu", "CPU")
    assert result.exit_code == 2 and "hardware: {device: cpu}" in result.output
