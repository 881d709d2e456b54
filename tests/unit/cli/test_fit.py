"""A run held against the GPUs that are present, which are given here; the estimator itself: test_estimate.py."""

from pathlib import Path

from qwen_recipes.backends import load_backend
from qwen_recipes.cli import gpu_fit
from qwen_recipes.compile import compile_recipe
from qwen_recipes.estimate.gpu_models import get_gpu_model
from qwen_recipes.recipe.load import load_recipe_text


def compiled(text, gpus, monkeypatch):
    monkeypatch.setattr(gpu_fit, "detect_known_gpus", lambda: [get_gpu_model(name) for name in gpus])
    recipe = f"version: 1\nname: a\nmodel: Qwen/Qwen3-8B\ndata: {{train: rows.jsonl}}\n{text}"
    loaded = load_recipe_text(recipe, "a.yaml", Path())
    return loaded, compile_recipe(loaded, load_backend("llamafactory"), Path("compiled/a/llamafactory"))


def test_too_small(monkeypatch):
    loaded, made = compiled("method: lora\nhardware: {device: cuda}\n", ["rtx-4070"], monkeypatch)
    verdicts = gpu_fit.assess_fit_on_local_gpus(loaded, made)
    said = gpu_fit.describe_memory_shortfall(verdicts)
    assert gpu_fit.fits_no_gpu(verdicts) and "it does not fit on rtx-4070" in said[0] and " GiB of " in said[0]
    own = gpu_fit.build_estimate_record(verdicts)["peak"] - verdicts[0].estimate.peak
    assert round(own / gpu_fit.GIB, 6) == 0.6, "CUDA's own, which nvidia-smi counts"


def test_large_enough(monkeypatch):
    loaded, made = compiled("method: lora\nhardware: {device: cuda}\n", ["h100"], monkeypatch)
    verdicts = gpu_fit.assess_fit_on_local_gpus(loaded, made)
    assert not gpu_fit.fits_no_gpu(verdicts) and gpu_fit.describe_memory_shortfall(verdicts) == []


def test_no_gpu_and_unknown_gpus_refuse_nothing(monkeypatch):
    loaded, made = compiled("method: lora\nhardware: {device: cuda}\n", [], monkeypatch)
    assert gpu_fit.assess_fit_on_local_gpus(loaded, made) == [] and not gpu_fit.fits_no_gpu([])
    loaded, made = compiled("method: lora\nhardware: {device: cpu}\n", ["rtx-4070"], monkeypatch)
    assert gpu_fit.assess_fit_on_local_gpus(loaded, made) == [] and gpu_fit.build_estimate_record([]) is None


def test_memory_that_ran_out_gets_offers_that_take_less(monkeypatch):
    loaded, made = compiled("method: lora\nhardware: {device: cuda}\n", ["rtx-4090"], monkeypatch)
    offered = gpu_fit.suggest_memory_savings(loaded, made)
    assert offered and all(line.startswith("--set ") and "GiB" in line for line in offered)
