"""Unsloth: what its small config cannot say is refused by name; its program is only started."""

from __future__ import annotations

import os
import subprocess

import pytest
import yaml

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe
from qwen_recipes.compile.field_probes import add_required_values, nest_value
from qwen_recipes.finding import RecipeError
from tests.conftest import ROOT, deep_merge

UNSLOTH = load_backend("unsloth")
REFUSED = {
    "training.optimizer": ("adamw_torch", "adamw_8bit"),
    "training.scheduler": ("cosine", "linear"),
    "training.save_every": ("epoch", "a number of steps"),
    "data.validation": (0.1, "no evaluation"),
    "objective.type": ("dpo", "from Python only"),
    "training.packing": (True, "turns packing off"),
    "quantization.bits": (8, "unsloth#3501"),
    "hardware.device": ("cpu", "on a CPU"),
    "model.revision": ("abc", "newest revision"),
}


@pytest.fixture
def compiled(loaded, tmp_path):
    """The files of a recipe that has what Unsloth asks for."""
    return lambda changes: (
        compile_recipe(loaded(add_required_values(UNSLOTH, changes)), UNSLOTH, tmp_path / "out").files
    )


@pytest.mark.parametrize("field", REFUSED)
def test_what_its_config_cannot_say_is_refused_with_those_who_can(field, compiled):
    value, why = REFUSED[field]
    changes = {"model": {"id": "Qwen/Qwen3-4B", "revision": "abc"}} if "revision" in field else nest_value(field, value)
    with pytest.raises(RecipeError) as refused:
        compiled(changes)
    found = next(one for one in refused.value.findings if f"`{field}`" in one.message)
    assert why in found.why and "LLaMA-Factory" in found.suggestion


def test_the_shortest_recipe_is_told_what_to_write(loaded, tmp_path):
    with pytest.raises(RecipeError) as refused:
        compile_recipe(loaded({}), UNSLOTH, tmp_path)
    errors = [one for one in refused.value.findings if one.severity == "error"]
    assert len(errors) == len(UNSLOTH.required_values)
    assert all(any(field in one.message for one in errors) for field in UNSLOTH.required_values)


def test_a_4_bit_base_is_the_plain_one(compiled):
    four = nest_value("quantization.bits", 4)
    assert yaml.safe_load(compiled(four)["train.yaml"])["model"] == "unsloth/Qwen3-4B-bnb-4bit"
    of_a_person = deep_merge(four, {"model": {"id": "me/my-qwen3", "like": "Qwen/Qwen3-4B"}})
    assert yaml.safe_load(compiled(of_a_person)["train.yaml"])["model"] == "me/my-qwen3"


@pytest.mark.parametrize("extra", [{"optim": "x"}, {"training": {"optim": "x"}}, {"lora": {"lora_r": 4}}])
def test_native_keys_cannot_contradict_the_recipe(extra, compiled):
    with pytest.raises(RecipeError):
        compiled({"backends": {"unsloth": {"extra": extra}}})


def test_the_run_writes_to_the_recipes_folder(compiled, tmp_path):
    """`unsloth` is a program that says how it was started; rows are not prepared."""
    files = compiled(nest_value("output.dir", "runs/a b"))
    for name in ("rows/__main__.py", "rows.json"):
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_text("", "utf-8")
    (tmp_path / "out/run.sh").write_text(files["run.sh"], "utf-8")
    (tmp_path / "runs/a b/rows").mkdir(parents=True)
    (tmp_path / "runs/a b/rows/chat_template.jinja").write_text("official", "utf-8")
    program = tmp_path / "bin/unsloth"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s|" "$@" "$(realpath "$UNSLOTH_STUDIO_HOME/outputs")"\n', "utf-8")
    program.chmod(0o755)
    path = os.pathsep.join([str(program.parent), os.environ["PATH"]])
    command = ["bash", str(tmp_path / "out/run.sh")]
    done = subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True)
    output = str(tmp_path / "runs/a b")
    assert done.stdout.split("|")[:-1] == [
        *("train", "--config", "runs/a b/rows/train.yaml", "--output-dir", output),
        output,
    ]
    assert (tmp_path / "runs/a b/chat_template.jinja").read_text("utf-8") == "official"


def test_its_code_is_imported_nowhere():
    """Its command line is under AGPL-3.0."""
    folders = ("qwen_recipes", "tools", "templates", "research", "tests")
    command = ["grep", "-rnE", r"^\s*(import|from) (unsloth|studio)", "--include=*.py", *folders]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "unsloth_cli" not in done.stdout and "studio" not in done.stdout, done.stdout
