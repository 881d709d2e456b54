"""Weight decay that is left open, the one optimizer that would decay norms too, and those that are given none."""

from __future__ import annotations

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import resolve

RECIPE = """\
version: 1
model: Qwen/Qwen3-0.6B
data: {{train: rows.jsonl}}
method: {method}
training: {{optimizer: {optimizer}{decay}}}
hardware: {{gpu: h100}}
"""


def load(folder, method, optimizer, decay=""):
    return load_recipe_text(RECIPE.format(method=method, optimizer=optimizer, decay=decay), "r.yaml", folder)


@pytest.mark.parametrize(
    ("method", "optimizer", "decay"),
    [
        ("full", "adamw_torch", 0.1),
        ("lora", "adamw_torch", 0.01),
        ("lora", "muon", 0.01),
        ("full", "muon", 0.0),
        ("full", "galore_adamw", 0.0),
        ("full", "apollo_adamw", 0.0),
    ],
)
def test_default(tmp_path, method, optimizer, decay):
    plan = resolve(load(tmp_path, method, optimizer), load_backend("llamafactory"))
    assert plan.training.weight_decay == decay


def test_written_for_muon_on_whole_weights_it_is_refused(tmp_path):
    with pytest.raises(RecipeError) as caught:
        compile_recipe(
            load(tmp_path, "full", "muon", ", weight_decay: 0.1"), load_backend("llamafactory"), tmp_path / "out"
        )
    finding = caught.value.findings[0]
    assert "`training.weight_decay`" in finding.message and "weight_decay: 0" in finding.why


def test_an_adapter_has_neither_norms_nor_biases(tmp_path):
    loaded = load(tmp_path, "lora", "muon", ", weight_decay: 0.1")
    made = compile_recipe(loaded, load_backend("llamafactory"), tmp_path / "out")
    assert made.plan.training.weight_decay == 0.1


@pytest.mark.parametrize("backend", ["axolotl", "ms-swift"])
@pytest.mark.parametrize("optimizer", ["galore_adamw", "apollo_adamw"])
@pytest.mark.parametrize(
    ("setting", "field"),
    [("weight_decay: 0.1", "weight_decay"), ("betas: [0.9, 0.95]", "betas"), ("epsilon: 1e-8", "epsilon")],
)
def test_what_transformers_does_not_give_to_gradient_projection_is_refused(
    tmp_path, backend, optimizer, setting, field
):
    loaded = load(tmp_path, "full", optimizer, f", {setting}")
    with pytest.raises(RecipeError) as caught:
        compile_recipe(loaded, load_backend(backend), tmp_path / "out")
    assert [f"`training.{field}`" in finding.message for finding in caught.value.findings] == [True]
    compile_recipe(loaded, load_backend("llamafactory"), tmp_path / "out")  # has groups of its own


@pytest.mark.parametrize("backend", ["axolotl", "llamafactory", "ms-swift"])
def test_left_open_all_frameworks_project_gradients_with_the_same_numbers(tmp_path, backend):
    training = compile_recipe(
        load(tmp_path, "full", "galore_adamw"), load_backend(backend), tmp_path / "o"
    ).plan.training
    assert (training.weight_decay, training.epsilon, training.beta1, training.beta2) == (0.0, 1e-6, 0.9, 0.999)
