"""A run held against the GPUs that are present, which are given here; the estimator itself: test_estimate.py."""

from pathlib import Path

from qwen_recipes.backends import backend_named
from qwen_recipes.cli import fit
from qwen_recipes.compile import compile_for
from qwen_recipes.estimate.gpus import gpu_named
from qwen_recipes.recipe.load import load_text


def compiled(text, gpus, monkeypatch):
    monkeypatch.setattr(fit, "gpus_present", lambda: [gpu_named(name) for name in gpus])
    recipe = f"version: 1\nname: a\nmodel: Qwen/Qwen3-8B\ndata: {{train: rows.jsonl}}\n{text}"
    loaded = load_text(recipe, "a.yaml", Path())
    return loaded, compile_for(loaded, backend_named("llamafactory"), Path("compiled/a/llamafactory"))


def test_too_small(monkeypatch):
    loaded, made = compiled("method: lora\nhardware: {device: cuda}\n", ["rtx-4070"], monkeypatch)
    verdicts = fit.verdicts_here(loaded, made)
    said = fit.not_fitting(verdicts)
    assert fit.all_too_small(verdicts) and "it does not fit on rtx-4070" in said[0] and " GiB of " in said[0]
    own = fit.planned(loaded, made)["peak"] - verdicts[0].estimate.peak
    assert round(own / fit.GIB, 6) == 0.6, "CUDA's own, which nvidia-smi counts"


def test_large_enough(monkeypatch):
    loaded, made = compiled("method: lora\nhardware: {device: cuda}\n", ["h100"], monkeypatch)
    verdicts = fit.verdicts_here(loaded, made)
    assert not fit.all_too_small(verdicts) and fit.not_fitting(verdicts) == []


def test_no_gpu_and_unknown_gpus_refuse_nothing(monkeypatch):
    loaded, made = compiled("method: lora\nhardware: {device: cuda}\n", [], monkeypatch)
    assert fit.verdicts_here(loaded, made) == [] and not fit.all_too_small([])
    loaded, made = compiled("method: lora\nhardware: {device: cpu}\n", ["rtx-4070"], monkeypatch)
    assert fit.verdicts_here(loaded, made) == [] and fit.planned(loaded, made) is None


def test_memory_that_ran_out_gets_offers_that_take_less(monkeypatch):
    loaded, made = compiled("method: lora\nhardware: {device: cuda}\n", ["rtx-4090"], monkeypatch)
    offered = fit.counter_offers(loaded, made)
    assert offered and all(line.startswith("--set ") and "GiB less" in line for line in offered)
