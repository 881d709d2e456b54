"""What stands at the frameworks' trainers is what the recipe says, and a probe shows where it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .compiled import BACKENDS
from .conftest import ROOT
from .probed_trainers import ProbedRecipe, TrainerProbes

RECIPE = """\
version: 1
name: {name}
model: {model}
data: {{train: {data}, validation: 0.1}}
method: {{type: lora, rank: 8, dropout: 0.1}}
training: {{epochs: 1, sequence_length: 512, batch_size: 4, micro_batch_size: 2, weight_decay: 0.05, warmup_steps: 2}}
hardware: {hardware}
"""
KEYS = {
    "axolotl": ("lora_r", "sequence_len"),
    "llamafactory": ("lora_rank", "cutoff_len"),
    "ms-swift": ("lora_rank", "max_length"),
}
FAULTS = {
    "learning-rate": ({"learning_rate": "0.031"}, "training.learning_rate"),
    "dropout": ({"lora_dropout": "0.37"}, "method.dropout"),
    "rank": ({"RANK": "4"}, "method.rank"),
    "decay": ({"weight_decay": "0.2"}, "training.weight_decay"),
    "accumulation": ({"gradient_accumulation_steps": "3"}, "training.gradient_accumulation"),
}
"""Changes to a compiled train.yaml, and the field that they make differ."""
PROBED = [
    pytest.param(backend, marks=() if backend == "ms-swift" else pytest.mark.full, id=backend) for backend in BACKENDS
]
"""Every change is tried on the framework that starts fastest."""


@pytest.fixture
def probed(
    request: pytest.FixtureRequest,
    trainer_probes: TrainerProbes,
    tiny_model: Callable[[str], Path],
    interpreter: Callable[[str], Path],
    tmp_path: Path,
) -> dict[str, ProbedRecipe]:
    """A plain recipe, the same with each of the faults, and one of a model on the hub: all in one process."""
    backend: str = request.param
    interpreter(backend)
    names = ["plain", *FAULTS, "length", "broken"]
    model = tiny_model(backend)
    recipes = {name: write_recipe(tmp_path, name, str(model), "{device: cpu}") for name in names}
    recipes["hub"] = write_recipe(tmp_path, "hub", "Qwen/Qwen3-0.6B", "{gpu: a100-80gb, gpus: 2, prefer: memory}")
    rank, length = KEYS[backend]
    edits = {name: rename_keys(changes, rank, length) for name, (changes, _) in FAULTS.items()}
    edits["length"] = {length: "40"}
    edits["broken"] = {rank: "many"}
    return trainer_probes.probe(backend, "faults", recipes, edits)


def write_recipe(folder: Path, name: str, model: str, hardware: str) -> Path:
    data = ROOT / "examples" / "data" / "support-validation.jsonl"
    (folder / name).mkdir()
    file = folder / name / "recipe.yaml"
    file.write_text(RECIPE.format(name=name, model=model, data=data, hardware=hardware), "utf-8")
    return file


def rename_keys(changes: dict[str, str], rank: str, length: str) -> dict[str, str]:
    names = {"RANK": rank, "LENGTH": length}
    return {names.get(key, key): value for key, value in changes.items()}


def assert_length_is_found(probe: ProbedRecipe) -> None:
    """A shorter length leaves other rows, or none."""
    if "error" not in probe.observation:
        assert {"training.sequence_length", "data.train[].path", "data.train[].weight"} & {*probe.list_differing()}


@pytest.mark.parametrize("probed", PROBED, indirect=True)
def test_a_probe_sees_the_plan_and_every_fault(probed: dict[str, ProbedRecipe]) -> None:
    assert probed["plain"].list_differing() == []
    checks = probed["plain"].check()
    assert sum(check.result == "ok" for check in checks.values()) > 30
    for name, (_, field) in FAULTS.items():
        assert field in probed[name].list_differing(), f"{name}: {field} was changed and is not found"
    assert_length_is_found(probed["length"])
    assert probed["broken"].observation.keys() == {"error"}, "the framework refuses a rank that is no number"
    for probe in probed.values():
        assert [file.name for file in probe.recipe.parent.iterdir()] == ["recipe.yaml"], (
            "the recipe's folder is as it was"
        )


@pytest.mark.parametrize("probed", PROBED, indirect=True)
def test_a_model_of_the_hub_is_seen_on_a_stand_in(probed: dict[str, ProbedRecipe]) -> None:
    probe = probed["hub"]
    checks = probe.check()
    assert probe.list_differing() == []
    assert "stand-in" in checks["model.id"].reason
    unseen = {"hardware.gpus", "hardware.strategy", "training.liger", "training.batch_size"}
    assert {checks[name].result for name in unseen} == {"not seen"}
    layers = {name.split(".layers.")[1].split(".")[0] for name in probe.observation["weights"]["trainable"]}
    assert layers == {str(number) for number in range(28)}, "all layers of the model"
