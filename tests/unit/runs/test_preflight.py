"""What is looked at before a framework starts: room, versions, and whose folder it is."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.environments.environment import Environment, MissingEnvironmentError, get_managed_environment
from qwen_recipes.environments.lock_file import compute_lock_hash, read_requirements
from qwen_recipes.qwen.models import count_lora_parameters, get_model_facts
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import resolve
from qwen_recipes.runs import disk_and_memory
from qwen_recipes.runs.preflight import find_drifted_packages, find_run_environment
from tests.unit.runs.stand_ins import framework, recipes_run, record

Usage = namedtuple("Usage", "total used free")


def plan(text="", model="Qwen/Qwen3-4B"):
    recipe = f"version: 1\nname: a\nmodel: {model}\ndata: {{train: rows.jsonl}}\n{text}"
    return resolve(load_recipe_text(recipe, "a.yaml", Path()), load_backend("llamafactory"))


def test_checkpoints_of_all_weights_and_of_an_adapter():
    facts = get_model_facts("Qwen/Qwen3-4B")
    assert disk_and_memory.estimate_checkpoint_size(plan("method: full\n"), facts) == facts.parameters * 4 > 15e9
    small = plan("method: {type: lora, rank: 16}\n")
    assert (
        disk_and_memory.estimate_checkpoint_size(small, facts)
        == count_lora_parameters(facts, 16, small.method.targets) * 4
        < 200e6
    )


def test_room(monkeypatch, tmp_path):
    one = plan("method: full\ntraining: {keep_checkpoints: 2}\nhardware: {device: cpu}\n")
    facts = get_model_facts("Qwen/Qwen3-4B")
    monkeypatch.setattr(disk_and_memory.shutil, "disk_usage", lambda path: Usage(0, 0, 60 << 30))
    monkeypatch.setattr(disk_and_memory, "read_available_memory", lambda: 64 << 30)
    assert list(disk_and_memory.find_shortages(one, facts, tmp_path / "none/yet")) == []
    monkeypatch.setattr(disk_and_memory.shutil, "disk_usage", lambda path: Usage(0, 0, 40 << 30))
    assert "checkpoints need at least 45.0 GiB, 40.0 GiB are free" in next(
        iter(disk_and_memory.find_shortages(one, facts, tmp_path))
    )
    (tmp_path / "checkpoint-1").mkdir()
    assert list(disk_and_memory.find_shortages(one, facts, tmp_path)) == []
    monkeypatch.setattr(disk_and_memory, "read_available_memory", lambda: 4 << 30)
    assert "needs 7.5 GiB of host memory, 4.0 GiB are available" in next(
        iter(disk_and_memory.find_shortages(one, facts, tmp_path))
    )


def test_versions_that_drifted(tmp_path):
    lock = get_managed_environment(load_backend("llamafactory"), "cpu").lock
    pins = read_requirements(lock).pins()
    environment = Environment("llamafactory", "0.9.5", "cpu", "3.11", tmp_path, lock)
    environment.bin.mkdir()
    environment.interpreter.touch()
    (tmp_path / "ready").write_text(compute_lock_hash(lock))
    for name, version in pins.items():
        folder = environment.site_packages / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    assert find_drifted_packages(environment) == []
    peft = environment.site_packages / f"peft-{pins['peft']}.dist-info"
    (peft / "METADATA").write_text("Name: peft\nVersion: 0.1\n")
    shutil.rmtree(environment.site_packages / f"trl-{pins['trl']}.dist-info")
    said = find_drifted_packages(environment)
    assert len(said) == 2 and "trl is missing" in said[1]
    assert f"peft is 0.1, but the lock file has {pins['peft']}" in said[0]


def test_another_recipes_folder(place):
    assert recipes_run(place)[0] == 0
    other = (place / "toy.yaml").read_text().replace("name: toy", "name: other") + "output: {dir: runs/toy}\n"
    (place / "toy.yaml").write_text(other)
    before = record(place)
    code, _, err = recipes_run(place)
    assert code == 4 and "holds a run of another recipe, toy" in err
    assert record(place) == before


@pytest.mark.parametrize("body", ["save()"])
def test_everything_at_once(place, body):
    framework(place, body)
    (place / "rows.jsonl").unlink()
    (place / "runs").write_text("a file")
    code, _, err = recipes_run(place, "--set", "run.environment=managed", QWEN_RECIPES_HOME=str(place / "none"))
    assert code == 1 and "recipes env create" in err and "is a file" in err and "rows.jsonl does not exist" in err


def test_data_without_rows_is_an_error_before_the_run(place):
    (place / "rows.jsonl").write_text("")
    code, _, err = recipes_run(place)
    assert code == 1 and "rows.jsonl is empty" in err


@pytest.mark.parametrize("gpu", ["mi300x", "v100"])
def test_no_environment_is_to_be_created_for_a_gpu_that_it_does_not_run_on(gpu, tmp_path, monkeypatch):
    monkeypatch.setenv("QWEN_RECIPES_HOME", str(tmp_path))
    with pytest.raises(MissingEnvironmentError, match=f"can be created for {gpu}.* .*environment: current") as raised:
        find_run_environment(plan(f"hardware: {{gpu: {gpu}}}\n"), load_backend("llamafactory"), tmp_path)
    assert "--device cuda" not in str(raised.value)
    with pytest.raises(MissingEnvironmentError, match="recipes env create llamafactory --device cuda"):
        find_run_environment(plan("hardware: {gpu: h100}\n"), load_backend("llamafactory"), tmp_path)
