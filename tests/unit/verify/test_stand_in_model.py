"""The model that a probe starts: the recipe's own where it is small, else one that keeps what layer numbers mean."""

from __future__ import annotations

import json

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.qwen.models import get_model_facts
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import resolve
from qwen_recipes.verify.trainer_probe import stand_in_model
from qwen_recipes.verify.trainer_probe.stand_in_model import prepare_model

RECIPE = "version: 1\nmodel: {}\ndata: {{train: rows.jsonl}}\n"


@pytest.fixture
def prepare(tmp_path):
    def of(model, text=""):
        loaded = load_recipe_text(RECIPE.format(model) + text, "r.yaml", tmp_path)
        return prepare_model(resolve(loaded, load_backend("axolotl")), tmp_path, tmp_path / "probe")

    return of


@pytest.mark.parametrize(
    "model", ["Qwen/Qwen3-0.6B", "Qwen/Qwen3-8B-Base", "Qwen/Qwen3-4B-Thinking-2507", "Qwen/Qwen3-30B-A3B"]
)
def test_a_stand_in_is_what_the_model_is(prepare, model):
    found = prepare(model)
    facts, small = get_model_facts(model), get_model_facts(str(found.folder))
    same = ("model_type", "variant", "layers", "vocab_size", "tied_embeddings", "max_positions", "rope_theta", "dense")
    assert {name: getattr(small, name) for name in same} == {name: getattr(facts, name) for name in same}
    assert small.eos_token == facts.eos_token
    assert small.parameters < 100_000_000
    assert found.make_model and "stand-in" in found.notes["model.id"]


def test_a_stand_in_is_as_wide_as_the_rank(prepare):
    small = get_model_facts(str(prepare("Qwen/Qwen3-8B", "method: {type: lora, rank: 100, variant: pissa}\n").folder))
    assert min(min(shape) for shape in small.linear_shapes.values()) >= 100


def write_own(tmp_path, prepare, weights):
    made = prepare("Qwen/Qwen3-0.6B").folder
    own = made.rename(tmp_path / "own")
    if weights:
        (own / "model.safetensors").write_bytes(b"0" * weights)
    return own


def test_a_small_folder_is_probed_itself(tmp_path, prepare):
    own = write_own(tmp_path, prepare, 100)
    found = prepare("own")
    assert found.folder == own.resolve()
    assert not found.make_model and not found.notes


@pytest.mark.parametrize("weights", [0, 100])
def test_a_large_folder_and_one_without_weights_get_a_stand_in(tmp_path, prepare, monkeypatch, weights):
    own = write_own(tmp_path, prepare, weights)
    (own / "chat_template.jinja").write_text("mine", "utf-8")
    monkeypatch.setattr(stand_in_model, "LARGEST_OWN", 10)
    found = prepare("own")
    assert found.folder != own and found.make_model
    assert (found.folder / "chat_template.jinja").read_text("utf-8") == "mine"
    assert not list(found.folder.glob("*.safetensors"))


def test_a_stand_in_adapter_is_configured_as_the_saved_one(tmp_path, prepare):
    (tmp_path / "before").mkdir()
    config = {"r": 4, "lora_alpha": 12, "target_modules": ["q_proj"]}
    (tmp_path / "before" / "adapter_config.json").write_text(json.dumps(config), "utf-8")
    (tmp_path / "before" / "adapter_model.safetensors").write_bytes(b"")
    found = prepare("Qwen/Qwen3-0.6B", "method: {type: lora, rank: 4, start_from: before}\n")
    assert found.make_adapter == config
    assert found.start_from == tmp_path / "probe" / "adapter"
    assert "stand-in adapter" in found.notes["method.start_from"]
