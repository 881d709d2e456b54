"""What a probe changes of a plan: only what its machine lacks, and each change has its reason."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.gpus.gpu_model import GpuModel
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import resolve
from qwen_recipes.verify.trainer_probe.probe_plan import NotProbedError, make_cpu_plan, make_gpu_plan

RECIPE = "version: 1\nmodel: Qwen/Qwen3-8B\ndata: {train: rows.jsonl}\n"
BACKENDS = ("axolotl", "llamafactory", "ms-swift", "trl")


@pytest.fixture
def make_plan(tmp_path):
    def of(text, backend="axolotl"):
        return resolve(load_recipe_text(RECIPE + text, "r.yaml", tmp_path), load_backend(backend))

    return of


def list_leaves(part, prefix=""):
    """Dotted paths of a plan's leaves and their values."""
    for one in fields(part):
        value = getattr(part, one.name)
        if is_dataclass(value) and not isinstance(value, GpuModel):
            yield from list_leaves(value, f"{prefix}{one.name}.")
        else:
            yield f"{prefix}{one.name}", value


def find_changed(plan, other):
    return {name for (name, one), (_, two) in zip(list_leaves(plan), list_leaves(other), strict=True) if one != two}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "text",
    [
        "hardware: {gpu: a100-80gb}",
        "hardware: {gpu: a100-80gb, gpus: 4, strategy: zero2}\ntraining: {batch_size: 32}",
        "method: full\nhardware: {gpu: h100, gpus: 8}\noutput: {dir: out, hub: me/model}\ntracking: {to: wandb}",
        "method: qlora\ntraining: {packing: true, kernels: [liger], compile: true}\nhardware: {gpu: rtx-4090}",
        "method: full\ntraining: {precision: fp16, fp8: true}\nhardware: {gpu: h100}",
    ],
)
def test_each_change_has_its_reason(make_plan, text, backend):
    plan = make_plan(text, backend)
    prepared = make_cpu_plan(plan)
    assert prepared.plan.hardware.device == "cpu" and prepared.plan.hardware.world == 1
    assert find_changed(plan, prepared.plan) <= prepared.set_aside.keys()
    assert all(reason and not reason.endswith(".") for reason in prepared.set_aside.values())


def test_a_plan_for_a_cpu_stays_as_it_is(make_plan):
    plan = make_plan("hardware: {device: cpu}")
    prepared = make_cpu_plan(plan)
    assert prepared.plan == plan
    assert prepared.set_aside == {}


def test_on_one_gpu_only_sharding_and_what_leaves_the_machine_is_set_aside(make_plan):
    text = "method: lora\ntraining: {kernels: [liger], batch_size: 32}\nhardware: {gpu: h100, gpus: 4, strategy: zero2}"
    plan = make_plan(text + "\ntracking: {to: wandb}")
    prepared = make_gpu_plan(plan)
    hardware = {"hardware.gpus", "hardware.strategy"}
    tracking = {"tracking.to", "tracking.project", "tracking.run_name"}
    assert prepared.set_aside.keys() == hardware | tracking | {"training.batch_size"}
    assert find_changed(plan, prepared.plan) <= prepared.set_aside.keys()
    assert (prepared.plan.training.liger, prepared.plan.hardware.gpu) == (True, plan.hardware.gpu)


def test_bf16_is_set_aside_where_the_framework_refuses_it_on_a_cpu(make_plan):
    text = "hardware: {gpu: a100-80gb}\ntraining: {precision: bf16}"
    found = {name: make_cpu_plan(make_plan(text, name)) for name in BACKENDS}
    assert {name: one.plan.training.precision for name, one in found.items()} == {
        "axolotl": "fp32",
        "llamafactory": "bf16",
        "ms-swift": "bf16",
        "trl": "bf16",
    }
    assert [name for name, one in found.items() if "training.precision" in one.set_aside] == ["axolotl"]


def test_the_batch_of_one_process_is_that_of_one_gpu(make_plan):
    text = "hardware: {gpu: a100-80gb, gpus: 4, strategy: ddp}\ntraining: {batch_size: 32, micro_batch_size: 2}"
    prepared = make_cpu_plan(make_plan(text))
    training = prepared.plan.training
    assert (training.batch_size, training.micro_batch_size, training.gradient_accumulation) == (8, 2, 4)
    assert "training.batch_size" in prepared.set_aside
    assert "training.micro_batch_size" not in prepared.set_aside


def test_megatron_is_refused(make_plan):
    text = "hardware: {gpu: h100, gpus: 8, strategy: megatron}"
    with pytest.raises(NotProbedError, match="GPUs"):
        make_cpu_plan(make_plan(text, "ms-swift"))


def test_packing_is_set_aside_where_the_framework_packs_on_gpus_alone(make_plan):
    text = "hardware: {gpu: a100-80gb}\ntraining: {packing: true}"
    found = {name: make_cpu_plan(make_plan(text, name)) for name in BACKENDS}
    assert [name for name, one in found.items() if "training.packing" in one.set_aside] == ["ms-swift"]
    assert [name for name, one in found.items() if one.plan.training.packing] == ["axolotl", "llamafactory", "trl"]
