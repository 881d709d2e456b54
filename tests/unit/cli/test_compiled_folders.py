"""Where compiled files go: one recipe never takes another's place, and the place changes one line of one file."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.conftest import BACKENDS, ROOT
from tests.unit.cli.run_command import run

GOOD = "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\nhardware: {gpu: rtx-3060}\nmethod: qlora\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Two recipes of one name, each in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for folder in ("de", "fr"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "support.recipe.yaml").write_text(GOOD, "utf-8")
    return tmp_path


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_recipes_of_one_name_are_refused_and_nothing_is_written(place):
    result = run("compile", "de/support.recipe.yaml", "fr/support.recipe.yaml", "--backend", "all")
    assert result.exit_code == 1
    assert "de/support.recipe.yaml and fr/support.recipe.yaml both write to compiled/support" in result.stderr
    assert not (place / "compiled").exists()


def test_so_are_two_of_one_output(place):
    for name in ("a", "b"):
        (place / f"{name}.yaml").write_text(GOOD + "output: {dir: runs/x}\n", "utf-8")
    result = run("compile", "a.yaml", "b.yaml", "--backend", "axolotl")
    assert result.exit_code == 1
    assert "a.yaml and b.yaml both write to runs/x" in result.stderr
    assert not (place / "compiled").exists()


def test_one_after_the_other_is_refused_too(place):
    assert run("compile", "de/support.recipe.yaml", "--backend", "axolotl").exit_code == 0
    before = files(place / "compiled")
    result = run("compile", "fr/support.recipe.yaml", "--backend", "axolotl")
    assert result.exit_code == 1
    assert "de/support.recipe.yaml" in result.stderr and "fr/support.recipe.yaml" in result.stderr
    assert files(place / "compiled") == before
    assert run("compile", "de/support.recipe.yaml", "--backend", "axolotl").exit_code == 0
    assert run("compile", "fr/support.recipe.yaml", "--backend", "axolotl", "-o", "elsewhere").exit_code == 0
    assert run("compile", "fr/support.recipe.yaml", "--backend", "axolotl", "--force").exit_code == 0


def test_a_recipe_that_was_moved_takes_its_folder_along(place):
    run("compile", "de/support.recipe.yaml", "--backend", "axolotl")
    shutil.move(place / "de", place / "at")
    assert run("compile", "at/support.recipe.yaml", "--backend", "axolotl").exit_code == 0


@pytest.mark.parametrize("example", ["grpo", "four-gpus-ddp", "megatron-moe", "kl-anchored"])
def test_the_place_changes_one_line_of_run_sh(place, example):
    source = ROOT / f"examples/{example}.yaml"
    for folder in ("out", "a/deep/place"):
        for backend in BACKENDS:
            run("compile", source, "--backend", backend, "-o", folder)
    one, other = files(place / "out"), files(place / "a/deep/place")
    assert one.keys() == other.keys() and one
    for path in (path for path in one if one[path] != other[path]):
        pairs = zip(one[path].splitlines(), other[path].splitlines(), strict=True)
        assert path.name == "run.sh"
        assert [a.split(b"=")[0] for a, b in pairs if a != b] == [b"recipe"]


def test_files_that_are_missing_are_called_missing(place):
    args = ("compile", "de/support.recipe.yaml", "--backend", "axolotl")
    assert run(*args, "--check").stderr == "compiled/support/axolotl does not exist: not compiled yet\n"
    run(*args)
    (place / "compiled/support/axolotl/train.yaml").write_text("x", "utf-8")
    (place / "compiled/support/axolotl/rows.json").unlink()
    assert sorted(run(*args, "--check").stderr.splitlines()) == [
        "compiled/support/axolotl/rows.json is missing",
        "compiled/support/axolotl/train.yaml is out of date",
    ]


def test_a_missing_folder_is_one_line(place):
    args = ("compile", "de/support.recipe.yaml", "--backend", "axolotl")
    run(*args)
    rows = place / "compiled/support/axolotl/rows"
    names = [path for path in rows.rglob("*") if path.is_file()]
    shutil.rmtree(rows)
    result = run(*args, "--check")
    assert (result.exit_code, result.stderr) == (
        1,
        f"compiled/support/axolotl/rows is missing, with {len(names)} files\n",
    )


@pytest.mark.parametrize("name", ["größe", "支持 机器人", "it's $(touch x)", 'a"b'])
def test_a_folder_of_any_name_is_found_by_the_script(place, name):
    folder = place / name
    folder.mkdir()
    (folder / f"{name}.yaml").write_text(GOOD, "utf-8")
    assert run("compile", folder / f"{name}.yaml", "--backend", "axolotl", "-o", place / f"out {name}").exit_code == 0
    script = (place / f"out {name}" / "axolotl/run.sh").read_text("utf-8")
    start = script[: script.index("export ")] + "pwd -P\n"
    (place / f"out {name}" / "axolotl/try.sh").write_text(start, "utf-8")
    done = subprocess.run(["bash", place / f"out {name}" / "axolotl/try.sh"], capture_output=True, text=True, cwd="/")
    assert done.stdout.strip() == str(folder.resolve()), done.stderr
    assert not (place / "x").exists()
