"""What a framework's trainers drop is handed over by a plugin beside the config, or refused with who can."""

from __future__ import annotations

import ast

import pytest
import yaml

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe
from tests.conftest import deep_merge

START = {"type": "lora", "start_from": "runs/first"}
DROPOUT = {"type": "lora", "dropout": 0.1}
PREFERENCES = ("dpo", "orpo", "simpo", "kto", "reward")
ROWS, FLOAT32 = "axolotl_preferences.TokenizedPreferences", "weights_dtype.Float32Weights"
OWN_PLUGIN, ADAPTER_ONLY = "trainer_plugin.PreferencePlugin", "trainer_plugin.AdapterOnlyPlugin"
"""Axolotl's plugins: one reads rows that are ids, one casts a reward model, which has a head that is trained whole."""


def list_saving_plugins(objective):
    """DPO's and KTO's trainer makes the adapter itself, so that Axolotl saves the model beside it."""
    return [ADAPTER_ONLY] if objective in ("dpo", "kto") else []


@pytest.fixture
def compiled(loaded, tmp_path):
    def of(backend, changes):
        made = compile_recipe(loaded(deep_merge({"training": {"steps": 40}}, changes)), load_backend(backend), tmp_path)
        return made.files, yaml.safe_load(made.files["train.yaml"])

    return of


@pytest.fixture
def refusals(loaded, problems, tmp_path):
    def of(backend, changes):
        recipe = loaded(deep_merge({"training": {"steps": 40}}, changes))
        return problems(compile_recipe, recipe, load_backend(backend), tmp_path)

    return of


@pytest.mark.parametrize("objective", PREFERENCES)
def test_axolotl_keeps_dropout_in_preference_training(compiled, objective):
    files, config = compiled("axolotl", {"objective": objective, "method": DROPOUT})
    own = [OWN_PLUGIN, *list_saving_plugins(objective)]
    assert config["plugins"] == ([FLOAT32, *own] if objective == "reward" else [*own, ROWS])
    assert {f"{plugin.partition('.')[0]}.py" for plugin in config["plugins"]} <= set(files)
    ast.parse(files["trainer_plugin.py"])
    assert "PYTHONPATH=" in files["run.sh"].split("rows/__main__.py")[1]


@pytest.mark.parametrize("objective", PREFERENCES)
def test_ms_swift_keeps_dropout_in_preference_training(compiled, objective):
    files, config = compiled("ms-swift", {"objective": objective, "method": DROPOUT})
    cast = ["weights_dtype.py"] if objective == "reward" else []
    names = [path.rpartition("/")[2] for path in config["external_plugins"]]
    assert names == ["ms_swift_template.py", "trainer_plugin.py", *cast]
    assert set(names) <= {name.rpartition("/")[2] for name in files}
    ast.parse(files["trainer_plugin.py"])


@pytest.mark.parametrize("objective", PREFERENCES)
def test_llamafactory_says_who_can(refusals, compiled, objective):
    changes = {"objective": objective, "method": DROPOUT}
    if objective == "reward":
        assert compiled("llamafactory", changes)[1]["lora_dropout"] == 0.1
        return
    (finding,) = [f for f in refusals("llamafactory", changes) if f.severity == "error"]
    assert finding.route[:2] == ("method", "dropout")
    assert finding.suggestion in ("Axolotl, ms-swift and TRL support it", "Axolotl and ms-swift support it")


@pytest.mark.parametrize("backend", ["axolotl", "llamafactory", "ms-swift"])
@pytest.mark.parametrize("objective", [*PREFERENCES, "sft"])
def test_without_dropout_nothing_is_refused_and_nothing_copied(compiled, backend, objective):
    files, config = compiled(backend, {"objective": objective, "method": {"type": "lora", "dropout": 0.0}})
    saving = list_saving_plugins(objective) if backend == "axolotl" else []
    assert ("trainer_plugin.py" in files) == bool(saving)
    assert [name for name in config.get("plugins", []) if name.startswith("trainer_plugin")] == saving


@pytest.mark.parametrize("objective", ["dpo", "kto"])
def test_a_model_without_adapter_is_saved(compiled, objective):
    _, config = compiled("axolotl", {"objective": objective, "method": "full"})
    assert ADAPTER_ONLY not in config.get("plugins", [])


@pytest.mark.parametrize("training", [{"neftune": 5.0}, {"early_stopping": 2}])
@pytest.mark.parametrize("objective", ["dpo", "orpo", "simpo", "kto"])
def test_axolotl_hands_over_neftune_and_early_stopping(compiled, objective, training):
    changes = {"objective": objective, "method": "lora", "training": training, "data": {"validation": 0.1}}
    _, config = compiled("axolotl", changes)
    assert config["plugins"] == [OWN_PLUGIN, *list_saving_plugins(objective), ROWS]


@pytest.mark.parametrize(("objective", "trainer"), [("dpo", "ContinuedDPOTrainer"), ("kto", "ContinuedKTOTrainer")])
def test_axolotl_starts_from_the_adapter(compiled, objective, trainer):
    files, config = compiled("axolotl", {"objective": objective, "method": START})
    assert config["lora_model_dir"] == "runs/first"
    assert config["trainer_cls"] == f"trainer_plugin.{trainer}"
    assert f"class {trainer}(" in files["trainer_plugin.py"]


def test_sft_from_an_adapter_needs_no_plugin(compiled):
    files, config = compiled("axolotl", {"method": START})
    assert "trainer_cls" not in config
    assert "trainer_plugin.py" not in files


@pytest.mark.parametrize("objective", ["dpo", "kto"])
@pytest.mark.parametrize("reference", ["start", "base"])
def test_one_reference_in_every_framework(compiled, objective, reference):
    changes = {"objective": {"type": objective, "reference": reference}, "method": START}
    start = reference == "start"
    assert ("ref_model_adapters" in compiled("llamafactory", changes)[1]) == start
    assert ("ref_adapters" in compiled("ms-swift", changes)[1]) == start
    plugins = compiled("axolotl", changes)[1].get("plugins", [])
    assert ("trainer_plugin.BaseReferencePlugin" not in plugins) == start


@pytest.mark.parametrize("reference", ["start", "base"])
def test_grpo_and_anchored_sft_compare_with_the_same(compiled, reference):
    rewards = [{"path": "rewards.py", "function": "right"}]
    grpo = {"objective": {"type": "grpo", "reference": reference, "rewards": rewards}, "method": START}
    assert ("ref_adapters" in compiled("ms-swift", grpo)[1]) == (reference == "start")
    plugins = compiled("axolotl", grpo)[1].get("plugins", [])
    assert ("trainer_plugin.BaseReferencePlugin" in plugins) == (reference == "base")
    anchored = {"objective": {"type": "sft", "kl_weight": 0.05, "reference": reference}, "method": START}
    assert ("teacher_adapters" in compiled("ms-swift", anchored)[1]) == (reference == "start")


@pytest.mark.parametrize("objective", ["orpo", {"type": "sft"}])
def test_a_reference_where_nothing_is_compared_is_an_error(loaded, problems, objective):
    kind = objective if isinstance(objective, dict) else {"type": objective}
    (finding,) = problems(loaded, {"objective": {**kind, "reference": "base"}})
    assert finding.route == ("objective", "reference")


def test_pissa_has_no_reference_without_its_adapter(compiled, refusals):
    changes = {"objective": "dpo", "method": {"type": "lora", "variant": "pissa"}}
    assert compiled("axolotl", changes)[1]["trainer_cls"] == "trainer_plugin.ContinuedDPOTrainer"
    assert any(f.route == ("method", "variant") for f in refusals("ms-swift", changes))


def test_ms_swift_counts_patience_in_evaluations(compiled):
    training = {"early_stopping": 2, "evaluate_every": 5, "save_every": 10}
    changes = {"method": "lora", "training": training, "data": {"validation": 0.1}}
    assert "trainer_plugin.py" in compiled("ms-swift", changes)[0]
    training["save_every"] = 5
    assert "trainer_plugin.py" not in compiled("ms-swift", changes)[0]


def test_llamafactory_stops_no_reward_model_early(refusals):
    changes = {"objective": "reward", "method": "lora", "training": {"early_stopping": 2}, "data": {"validation": 0.1}}
    assert any(f.route == ("training", "early_stopping") for f in refusals("llamafactory", changes))


def test_muon_trains_norms_in_axolotl(compiled):
    changes = {"model": "Qwen/Qwen3-0.6B", "method": "full", "training": {"optimizer": "muon"}}
    assert "trainer_plugin.MuonPlugin" in compiled("axolotl", changes)[1]["plugins"]


@pytest.mark.parametrize("backend", ["axolotl", "llamafactory"])
def test_lora_plus_is_not_dropped_under_muon(refusals, backend):
    changes = {"method": {"type": "lora", "lora_plus": 16.0}, "training": {"optimizer": "muon"}}
    assert any(f.route == ("method", "lora_plus") for f in refusals(backend, changes))


def test_ms_swift_takes_lora_plus_from_the_saved_adapter(refusals):
    found = refusals("ms-swift", {"method": {**START, "lora_plus": 16.0}})
    assert any(f.route == ("method", "lora_plus") and "Axolotl" in f.suggestion for f in found)


def test_the_scale_stands_in_the_header(compiled):
    files, _ = compiled("axolotl", {"method": {"type": "lora", "rank": 64, "alpha": 128}})
    assert "# adapter scale 2 (alpha/rank = 128/64)" in files["train.yaml"]
    files, _ = compiled("axolotl", {"method": {"type": "lora", "rank": 64, "alpha": 128, "rslora": True}})
    assert "# adapter scale 16 (alpha/√rank = 128/√64)" in files["train.yaml"]
