"""A run held against the GPUs that are present, which are given here; the estimator itself: test_estimate.py."""

import json
from pathlib import Path

from qwen_recipes.backends import load_backend
from qwen_recipes.cli import gpu_fit
from qwen_recipes.environments.gpu import DetectedGpu
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import BackendRecipe
from tests.unit.cli.run_command import run

H100 = DetectedGpu("NVIDIA H100 80GB HBM3", 81559, "580.159.04")
RTX_4090 = DetectedGpu("NVIDIA GeForce RTX 4090", 24564, "580.159.04")
RTX_4070 = DetectedGpu("NVIDIA GeForce RTX 4070", 12282, "580.159.04")


def lora_recipe(device="cuda"):
    text = f"version: 1\nmodel: Qwen/Qwen3-8B\ndata: {{train: a}}\nmethod: lora\nhardware: {{device: {device}}}"
    return BackendRecipe(load_recipe_text(text, "a.yaml", Path()), load_backend("llamafactory"))


def test_too_small():
    verdicts = gpu_fit.assess_fit_on_gpus(lora_recipe(), [RTX_4070, RTX_4070])
    said = gpu_fit.describe_memory_shortfall(verdicts)
    assert gpu_fit.fits_no_gpu(verdicts) and "does not fit rtx-4070" in said[0] and " GiB per GPU" in said[0]
    own = gpu_fit.build_estimate_record(verdicts)["peak"] - verdicts[0].estimate.peak
    assert round(own / gpu_fit.GIB, 6) == 0.6, "CUDA's own, which nvidia-smi counts"


def test_large_enough():
    verdicts = gpu_fit.assess_fit_on_gpus(lora_recipe(), [H100])
    assert len(verdicts) == 1 and not gpu_fit.fits_no_gpu(verdicts)
    assert gpu_fit.describe_memory_shortfall(verdicts) == []


def test_no_gpu_and_unknown_gpus_refuse_nothing():
    unknown = DetectedGpu("NVIDIA Something", 1000, "1")
    for recipe, gpus in ((lora_recipe(), []), (lora_recipe(), [unknown]), (lora_recipe("cpu"), [RTX_4070])):
        assert gpu_fit.assess_fit_on_gpus(recipe, gpus) == []
    assert not gpu_fit.fits_no_gpu([]) and gpu_fit.build_estimate_record([]) is None


def test_memory_that_ran_out_gets_offers_that_take_less():
    offered = gpu_fit.suggest_memory_savings(lora_recipe(), [RTX_4090])
    assert offered and all(line.startswith("--set ") and "GiB" in line for line in offered)


def test_plan_of_a_cpu_recipe_tells_what_is_known(tmp_path):
    recipe = tmp_path / "a.recipe.yaml"
    recipe.write_text("version: 1\nmodel: Qwen/Qwen3-0.6B\ndata: {train: a.jsonl}\nhardware: {device: cpu}\n", "utf-8")
    (tmp_path / "a.jsonl").write_text('{"messages": []}\n' * 32, "utf-8")
    words = ("plan", recipe, "--backend", "trl")
    result = run(*words)
    assert result.exit_code == 0 and "TRL on the CPU" in result.stdout and "--gpu" in result.stdout
    (made,) = json.loads(run(*words, "--format", "json").stdout)
    assert (made["device"], made["gpu"], made["fits"], made["seconds"]) == ("cpu", None, None, None)
    assert made["host_bytes"] > 2 * 0.6e9 and made["steps"]
    (other,) = json.loads(run(*words, "--gpu", "16GiB,bf16=false", "--format", "json").stdout)
    assert other["fits"] == "yes" and other["gpu"] == "a GPU with 16 GiB"
