"""A backend of a third party: installed as a package, found by its entry point, compiled for."""

from __future__ import annotations

import pytest
import yaml

from tests.unit.backends.third_party import install_package, run_recipes

pytest.importorskip("hatchling", reason="the package is built by hatchling, of the extra `dev`")

RECIPE = """version: 1
model: Qwen/Qwen3-0.6B
data: {train: data.jsonl}
method: {type: lora, rank: 8, alpha: 24}
training: {epochs: 2, sequence_length: 256, learning_rate: 3e-4}
hardware: {gpu: rtx-3060}
run: {backend: peft, environment: current}
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    install_package(folder)
    return folder


@pytest.fixture
def recipes(packages, tmp_path):
    """Run `recipes` on a recipe for that backend; `recipe` is its text."""

    def run(command, *options, recipe=RECIPE):
        (tmp_path / "recipe.yaml").write_text(recipe, "utf-8")
        return run_recipes(packages, tmp_path, command, "recipe.yaml", *options)

    return run


def test_it_is_listed_beside_the_built_in_ones(packages, tmp_path):
    printed = run_recipes(packages, tmp_path, "backends").stdout
    assert "PEFT" in printed and "Axolotl" in printed


def test_it_is_compiled_for(recipes, tmp_path):
    done = recipes("compile", "-o", "out")
    assert done.returncode == 0, done.stderr
    config = yaml.safe_load((tmp_path / "out/peft/train.yaml").read_text("utf-8"))
    assert (config["lora_rank"], config["lora_alpha"], config["learning_rate"]) == (8, 24, 3e-4)
    assert config["num_train_epochs"] == 2 and config["data"] == "runs/recipe/rows/train.jsonl"
    assert 'python "$here/trainer_plugin.py" runs/recipe/rows/train.yaml' in (tmp_path / "out/peft/run.sh").read_text()
    assert (tmp_path / "out/peft/trainer_plugin.py").is_file()


def test_what_it_does_not_support_is_refused_with_those_who_can(recipes):
    done = recipes("compile", recipe=RECIPE + "objective: dpo\n")
    assert done.returncode == 1
    assert "it trains by SFT only" in done.stdout + done.stderr
    assert "Axolotl" in done.stdout + done.stderr


def test_a_field_that_its_templates_do_not_read_is_refused(recipes):
    done = recipes("compile", "--set", "training.neftune=5")
    assert done.returncode == 1
    assert "training.neftune" in done.stdout + done.stderr


def test_a_native_key_is_checked_by_its_schema(recipes):
    done = recipes("compile", recipe=RECIPE + "backends: {peft: {extra: {sede: 1}}}\n")
    assert done.returncode == 1
    assert "sede" in done.stdout + done.stderr and "seed" in done.stdout + done.stderr


def test_commands_that_read_a_recipe_know_it(recipes):
    assert recipes("lint").returncode == 0
    assert "PEFT" in recipes("plan").stdout
    assert "\n  rank " in recipes("show", "--resolved").stdout
