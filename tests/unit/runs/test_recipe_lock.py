"""`recipes lock`, and what `--locked` refuses; the same bytes on every machine."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main

ROOT = Path(__file__).parents[3]
RECIPE = """\
version: 1
name: toy
model: Qwen/Qwen3-0.6B
data:
  train:
    - path: rows.jsonl
method: lora
training: {steps: 3}
hardware: {device: cpu}
run: {backend: llamafactory}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "toy.yaml").write_text(RECIPE)
    (tmp_path / "rows.jsonl").write_text('{"messages": []}\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def recipes(*arguments):
    done = CliRunner().invoke(main, arguments)
    return done.exit_code, done.stderr


def locked(folder):
    code, said = recipes("lock", "toy.yaml", "--backend", "all")
    assert code == 0, said
    return json.loads((folder / "toy.lock").read_text())


def test_lock_holds_everything(folder):
    content = locked(folder)
    assert set(content["backends"]) == {"axolotl", "llamafactory", "ms-swift", "trl"}
    one = content["backends"]["llamafactory"]
    assert one["resolved"]["training.steps"] == 3 and one["files"].keys() >= {"train.yaml", "run.sh", "rows/prepare.py"}
    assert len(one["environment"]) == len(one["schema"]) == 64
    assert content["data"][0]["rows"] == 1 and len(content["chat"]["template"]) == 64
    assert content["chat"]["tokenizer.json"] and content["model"]["id"] == "Qwen/Qwen3-0.6B"


def test_nothing_drifted(folder):
    locked(folder)
    first = (folder / "toy.lock").read_bytes()
    assert recipes("compile", "toy.yaml", "--locked", "-o", "elsewhere")[0] == 0
    locked(folder)
    assert (folder / "toy.lock").read_bytes() == first


def test_comments_are_no_drift(folder):
    locked(folder)
    (folder / "toy.yaml").write_text("# a comment\n" + RECIPE)
    assert recipes("compile", "toy.yaml", "--locked")[0] == 0


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda: Path("rows.jsonl").write_text("{}\n{}\n"), "data train rows.jsonl rows: 1 in the lock file, now 2"),
        (lambda: Path("toy.yaml").write_text(RECIPE.replace("steps: 3", "steps: 4")), "resolved training.steps: 3"),
        (lambda: Path("toy.yaml").write_text(RECIPE.replace("0.6B", "1.7B")), "model id:"),
    ],
)
def test_drift_is_refused_and_said(folder, harm, said):
    locked(folder)
    harm()
    for command in ("compile", "run"):
        code, err = recipes(command, "toy.yaml", "--locked")
        assert code == 1 and said in err, err
    assert not (folder / "compiled").exists()


def test_what_the_lock_does_not_know(folder):
    assert recipes("lock", "toy.yaml")[0] == 0
    code, said = recipes("compile", "toy.yaml", "--backend", "axolotl", "--locked")
    assert code == 1 and "axolotl is not in the lock file" in said


def test_no_lock(folder):
    code, said = recipes("compile", "toy.yaml", "--locked")
    assert code == 2 and "write it with `recipes lock" in said
    (folder / "toy.lock").write_text("{")
    assert recipes("compile", "toy.yaml", "--locked")[0] == 2
    (folder / "rows.jsonl").unlink()
    assert recipes("lock", "toy.yaml")[0] == 1


def test_hub_data_without_a_revision_is_told(folder):
    (folder / "toy.yaml").write_text(RECIPE.replace("path: rows.jsonl", "hub: some/rows"))
    code, said = recipes("lock", "toy.yaml")
    assert code == 0 and "some/rows is not pinned" in said


def test_two_machines_compile_the_same_bytes(tmp_path):
    made = []
    for name in ("one", "a-much-longer-name/below/another"):
        folder, home = tmp_path / name, tmp_path / f"home-{len(made)}"
        shutil.copytree(ROOT / "examples", folder / "recipes")
        home.mkdir()
        env = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(len(made))}
        env |= {"TZ": ("UTC", "Asia/Tokyo")[len(made)], "LANG": "C.UTF-8"}
        for example in ("one-24gb-card", "full-zero3", "dpo"):
            command = ["compile", f"recipes/{example}.yaml", "--backend", "all"]
            program = [sys.executable, "-c", "from qwen_recipes.cli import main; main()", *command]
            done = subprocess.run(program, cwd=folder, env=env, capture_output=True, text=True)
            if done.returncode:
                program[-1] = "llamafactory"
                done = subprocess.run(program, cwd=folder, env=env, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        files = [path for path in sorted((folder / "compiled").rglob("*")) if path.is_file()]
        made.append({str(path.relative_to(folder)): path.read_bytes() for path in files})
    assert made[0] == made[1] and len(made[0]) > 20
    assert not any(str(tmp_path).encode() in content for content in made[0].values())
