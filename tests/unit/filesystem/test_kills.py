"""Compiles that are killed at random moments, two at once: whole files, and the next compile puts everything right."""

from __future__ import annotations

import os
import random
import signal
import time

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe, find_drifted, find_hand_edited, write_files
from qwen_recipes.compile.output_folder import MANIFEST
from qwen_recipes.filesystem import locked_folder
from qwen_recipes.recipe.load import load_recipe

KILLS = 60
STRATEGIES = ("{gpu: h100, gpus: 4, strategy: zero2}", "{gpu: h100, gpus: 4, strategy: ddp}")


def compile_versions(folder):
    """The files of two recipes that share a name: other values, and other files."""
    (folder / "rows.jsonl").write_text('{"messages": []}\n', "utf-8")
    versions = []
    for epochs, hardware in enumerate(STRATEGIES, 1):
        recipe = folder / "a.recipe.yaml"
        recipe.write_text(
            "version: 1\nmodel: Qwen/Qwen3-0.6B\ndata: {train: rows.jsonl}\nmethod: {type: full}\n"
            f"training: {{epochs: {epochs}}}\nhardware: {hardware}\n",
            "utf-8",
        )
        versions.append(compile_recipe(load_recipe(str(recipe)), load_backend("llamafactory"), folder / "out").files)
    return versions


def start_compiles(out, versions, seed):
    """A process that writes one version after the other, until it is killed."""
    child = os.fork()
    if child:
        return child
    try:
        draw = random.Random(seed)
        while True:
            write_files(out, draw.choice(versions))
    finally:
        os._exit(1)


def read_files(out):
    return {path.relative_to(out).as_posix(): path.read_text("utf-8") for path in out.rglob("*") if path.is_file()}


def test_sixty_kills_of_two_compiles_at_once(tmp_path):
    versions, out, draw, mixed = compile_versions(tmp_path), tmp_path / "out", random.Random(0), 0
    assert versions[0].keys() != versions[1].keys()
    for number in range(KILLS // 2):
        pids = [start_compiles(out, versions, seed) for seed in (number, -number)]
        for pid in pids:
            time.sleep(draw.uniform(0, 0.15))
            os.kill(pid, signal.SIGKILL)
            assert os.waitpid(pid, 0)[1] == signal.SIGKILL
        for name, text in read_files(out).items():
            if name != MANIFEST and not name.rpartition("/")[2].startswith(".recipes-"):
                assert text in {version.get(name) for version in versions}, f"{name} is torn"
        mixed += all(find_drifted(out, version) for version in versions)
        for version in versions:
            assert find_hand_edited(out, version) == []
        last = versions[number % 2]
        write_files(out, last)
        assert {**last, MANIFEST: ""}.items() <= {**read_files(out), MANIFEST: ""}.items()
        assert read_files(out).keys() == {*last, MANIFEST}
    print(f"{mixed} of {KILLS // 2} folders were found between two versions")


def test_two_compiles_at_once_leave_the_folder_of_one(tmp_path):
    versions, out = compile_versions(tmp_path), tmp_path / "out"
    for _ in range(10):
        pids = []
        for version in versions:
            pids.append(os.fork())
            if pids[-1] == 0:
                write_files(out, version)
                os._exit(0)
        assert [os.waitpid(pid, 0)[1] for pid in pids] == [0, 0]
        assert any(read_files(out).keys() == {*version, MANIFEST} for version in versions)
        assert any(not find_drifted(out, version) for version in versions)


def test_a_folder_that_stays_locked_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(locked_folder, "LOCK_TIMEOUT", 0.1)
    with locked_folder.lock_folder(tmp_path):
        try:
            write_files(tmp_path, {"a": "1"})
        except OSError as error:
            assert "another process is writing to it" in str(error)
        else:
            raise AssertionError
