"""Packed examples do not see each other at the frameworks' trainers: their logits in a pack are those of each alone.

Each framework packs by itself, through its own entry point; its trainer's model computes the first batch. Attentions
whose kernels need a GPU run where there is one: `pytest tests/conformance/test_packed_isolation.py -k on_a_gpu` on a
machine with a GPU and the environments that QWEN_RECIPES_PYTHON_<NAME> names. Those that ran, on one H200:
research/measurements/results/isolation.jsonl.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe
from qwen_recipes.environments.gpu import has_gpu_driver
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.verify.trainer_probe.probe_jobs import ask_for_isolation, prepare_probe, run_probes
from tests.conformance.ci_sample import list_parameters

RECIPE = """\
version: 1
name: packs
model: {model}
data: {{train: rows.jsonl}}
method: {{type: lora, rank: 4, dropout: 0}}
training:
  {{steps: 2, sequence_length: 256, packing: true, batch_size: {{packs: 2}}, micro_batch_size: 1,
  attention: {attention}, kernels: none}}
hardware: {{device: {device}}}
allow: {{QR418: "the forward pass alone is computed"}}
"""
QUESTIONS = ("What is a hook?", "Where do I find my invoice?", "Can I change the plan?", "Who answers at night?")
ON_CPU = [(name, one) for name in ("trl", "llamafactory", "axolotl") for one in ("sdpa", "eager")]
ON_GPU = [
    *(("axolotl", name) for name in ("flex_attention", "flash_attention_2", "flash_attention_4")),
    *(("llamafactory", "flash_attention_2"), ("ms-swift", "flash_attention_2")),
    *(("trl", "flash_attention_2"), ("trl", "flash_attention_4")),
]
ROUNDING = 1e-4
"""Of logits in float32; in bf16 on a GPU BF16_ROUNDING, where mixing changed them by 13."""
BF16_ROUNDING = 0.2


def probe(
    folder: Path, backend_name: str, attention: str, model: Path, python: Path, *, gpu: bool, edit: tuple[str, str] = ()
) -> dict:
    """What the framework's trainer computes; `edit` is a text of train.yaml and what replaces it."""
    rows = [
        {"messages": [{"role": "user", "content": one}, {"role": "assistant", "content": f"Answer {number}: {one}"}]}
        for number, one in enumerate(QUESTIONS * 8)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    file = folder / "recipe.yaml"
    file.write_text(RECIPE.format(model=model, attention=attention, device="cuda" if gpu else "cpu"), "utf-8")
    loaded, backend = load_recipe(str(file)), load_backend(backend_name)
    plan = compile_recipe(loaded, backend, folder / "compiled").plan
    job = prepare_probe(loaded, plan, backend, folder / "probe", gpu=gpu)
    ask_for_isolation(job)
    if edit:
        config = folder / "probe" / "compiled" / "train.yaml"
        assert edit[0] in config.read_text("utf-8")
        config.write_text(config.read_text("utf-8").replace(*edit), "utf-8")
    run_probes(backend_name, python, [job], folder / "scratch", gpu="0" if gpu else None)
    return job.read_observation()


def assert_kept_apart(found: dict, attention: str, rounding: float) -> None:
    """A pack's logits are each example's own, and another first example changes nothing in the others."""
    isolation = found["isolation"]
    assert found["modules"]["config"]["_attn_implementation"] == attention
    assert isolation["examples"] >= 4, "nothing was packed"
    assert isolation["alone"] <= rounding and isolation["changed"] <= ROUNDING, isolation
    assert isolation["end_to_end"] > 10 * rounding, f"mixing would not be noticed: {isolation}"


@pytest.mark.parametrize(("backend", "attention"), list_parameters(ON_CPU, ("trl", "sdpa")))
def test_packed_examples_are_kept_apart(
    tmp_path: Path,
    interpreter: Callable[[str], Path],
    tiny_model: Callable[[str], Path],
    backend: str,
    attention: str,
) -> None:
    python = interpreter(backend)
    found = probe(tmp_path, backend, attention, tiny_model(backend), python, gpu=False)
    assert_kept_apart(found, attention, ROUNDING)


@pytest.mark.full
def test_llamafactory_falls_back_to_sdpa_silently_and_keeps_them_apart(
    tmp_path: Path, interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path]
) -> None:
    """What QR424 says of it: `flash_attn: fa2` without flash-attn ends in no error."""
    python, edit = interpreter("llamafactory"), ("flash_attn: sdpa", "flash_attn: fa2")
    found = probe(tmp_path, "llamafactory", "sdpa", tiny_model("llamafactory"), python, gpu=False, edit=edit)
    assert_kept_apart(found, "sdpa", ROUNDING)


@pytest.mark.full
@pytest.mark.skipif(not has_gpu_driver(), reason="needs a GPU, and an environment with the attention's package")
@pytest.mark.parametrize(("backend", "attention"), ON_GPU)
def test_packed_examples_are_kept_apart_on_a_gpu(
    tmp_path: Path,
    interpreter: Callable[[str], Path],
    tiny_model: Callable[[str], Path],
    backend: str,
    attention: str,
) -> None:
    python = interpreter(backend)
    found = probe(tmp_path, backend, attention, tiny_model(backend), python, gpu=True)
    assert_kept_apart(found, attention, BF16_ROUNDING)
