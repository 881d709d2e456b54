"""What is looked at before a framework starts: room, versions, and whose folder it is."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from qwen_recipes.backends import backend_named
from qwen_recipes.launch import room
from qwen_recipes.launch.environment import Environment, managed
from qwen_recipes.launch.preflight import drifted_versions
from qwen_recipes.launch.requirements import digest, read
from qwen_recipes.qwen.models import lora_parameters, model_facts
from qwen_recipes.recipe.load import load_text
from qwen_recipes.resolve import resolve
from tests.unit.test_run import framework, place, recipes_run, record

__all__ = ["place"]
Usage = namedtuple("Usage", "total used free")


def plan(text="", model="Qwen/Qwen3-4B"):
    recipe = f"version: 1\nname: a\nmodel: {model}\ndata: {{train: rows.jsonl}}\n{text}"
    return resolve(load_text(recipe, "a.yaml", Path()), backend_named("llamafactory"))


def test_checkpoints_of_all_weights_and_of_an_adapter():
    facts = model_facts("Qwen/Qwen3-4B")
    assert room.checkpoint_bytes(plan("method: full\n"), facts) == facts.parameters * 4 > 15e9
    small = plan("method: {type: lora, rank: 16}\n")
    assert room.checkpoint_bytes(small, facts) == lora_parameters(facts, 16, small.method.targets) * 4 < 200e6


def test_room(monkeypatch, tmp_path):
    one = plan("method: full\ntraining: {keep_checkpoints: 2}\nhardware: {device: cpu}\n")
    facts = model_facts("Qwen/Qwen3-4B")
    monkeypatch.setattr(room.shutil, "disk_usage", lambda path: Usage(0, 0, 60 << 30))
    monkeypatch.setattr(room, "available_memory", lambda: 64 << 30)
    assert list(room.too_little(one, facts, tmp_path / "none/yet")) == []
    monkeypatch.setattr(room.shutil, "disk_usage", lambda path: Usage(0, 0, 40 << 30))
    assert "40.0 GiB are free and the checkpoints take 45" in next(iter(room.too_little(one, facts, tmp_path)))
    (tmp_path / "checkpoint-1").mkdir()
    assert list(room.too_little(one, facts, tmp_path)) == []
    monkeypatch.setattr(room, "available_memory", lambda: 4 << 30)
    assert "4.0 GiB of memory to give and the run takes 7.5 GiB" in next(iter(room.too_little(one, facts, tmp_path)))


def test_versions_that_drifted(tmp_path):
    lock = managed(backend_named("llamafactory"), "cpu").lock
    pins = read(lock).pins()
    environment = Environment("llamafactory", "0.9.5", "cpu", "3.11", tmp_path, lock)
    environment.bin.mkdir()
    environment.interpreter.touch()
    (tmp_path / "ready").write_text(digest(lock))
    for name, version in pins.items():
        folder = environment.site_packages / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    assert drifted_versions(environment) == []
    peft = environment.site_packages / f"peft-{pins['peft']}.dist-info"
    (peft / "METADATA").write_text("Name: peft\nVersion: 0.1\n")
    shutil.rmtree(environment.site_packages / f"trl-{pins['trl']}.dist-info")
    said = drifted_versions(environment)
    assert len(said) == 2 and f"peft is 0.1, and its lock has {pins['peft']}" in said[0] and "trl is missing" in said[1]


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
    assert code == 1 and "recipes env create" in err and "is a file" in err and "rows.jsonl is not there" in err
