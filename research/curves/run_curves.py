"""Compile a recipe for a framework, train it to the end on the CPU, and read the loss of each step."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.base import TRAINER_ENTRY
from qwen_recipes.compile import compile_recipe, write_files
from qwen_recipes.environments.environment import get_managed_environment
from qwen_recipes.qwen.tokenizer import get_tokenizer_folder
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.verify import trainer
from research.curves.curve_recipes import ADAPTER, IN_ORDER, TARGETS, CurveRecipe, write_own_words

ROOT = Path(__file__).parents[2]
Log = list[dict[str, float]]
Edits = Mapping[str, Any]


@dataclass(frozen=True)
class CurveCase:
    """A framework's config, ready to be trained."""

    file: Path
    out: Path

    def read_log(self) -> Log:
        """Loss, gradient norm and learning rate of each step. Raises RuntimeError where the framework failed."""
        return [entry for entry in self._read()["log"] if "loss" in entry]

    def read_settings(self) -> dict[str, str]:
        """What the trainer trained by. Raises RuntimeError as `read_log`."""
        settings: dict[str, str] = self._read()["settings"]
        return settings

    def _read(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out.read_text("utf-8"))
        if "error" in found:
            raise RuntimeError(f"{self.file}: {found['error']}")
        return found


def find_python(backend: str) -> Path:
    """The interpreter of the framework's managed CPU environment."""
    return get_managed_environment(load_backend(backend), "cpu").interpreter


class StartingPoint(NamedTuple):
    """Folders of what every curve starts from."""

    model: Path
    adapter: Path


def make_starting_point(folder: Path, python: Path) -> StartingPoint:
    """A tiny model with random weights, and an adapter on it whose B is not zero."""
    model, adapter = folder / "model", folder / "adapter"
    program = ROOT / "examples" / "quickstart" / "make_tiny_model.py"
    tokenizer = get_tokenizer_folder("hybrid")
    subprocess.run([python, program, folder / "whole", "--tokenizer", tokenizer, "--float32"], check=True)
    subprocess.run([python, Path(__file__).with_name("small_vocabulary.py"), folder / "whole", model], check=True)
    _place_framework_side(folder)
    config = json.dumps({**ADAPTER, "target_modules": TARGETS})
    code = "import sys, json, pathlib as p; from trainer.stand_in import write_adapter as w; "
    code += "w(p.Path(sys.argv[1]), json.loads(sys.argv[2]), p.Path(sys.argv[3]))"
    subprocess.run([python, "-c", code, model, config, adapter], check=True, cwd=folder)
    return StartingPoint(model, adapter)


def prepare_curve(
    recipe: CurveRecipe,
    backend: str,
    folder: Path,
    start: StartingPoint,
    edits: Edits | None = None,
    stop_after: int | None = None,
) -> CurveCase:
    """Compile the recipe below `folder`, in the order of the file.

    `edits` change keys of the framework's own file, None takes one out; `stop_after` is a number of steps.
    """
    file = recipe.write(folder / "recipe", start.model, start.adapter)
    compiled = folder / "compiled"
    loaded = load_recipe(str(file), (f"output.dir={folder / 'out'}",))
    write_files(compiled, compile_recipe(loaded, load_backend(backend), compiled).files)
    config = folder / "out" / "rows" / "train.yaml"
    more = {"rows": str(compiled / "rows.json"), "cwd": str(file.parent), "stop_after": stop_after}
    more["sequential"] = backend == "axolotl"
    more["edits"] = {**IN_ORDER[backend], **(edits or {})}
    return _write_case(folder, config, compiled, **more)


def prepare_own_words(backend: str, folder: Path, model: Path) -> CurveCase:
    """The same model, rows, steps, batch and rate in the framework's own config, and nothing else."""
    config = write_own_words(backend, folder, model)
    return _write_case(folder, config, folder)


def _write_case(folder: Path, config: Path, compiled: Path, **more: Any) -> CurveCase:
    case = {
        "folder": str(compiled),
        "config": str(config),
        "cwd": str(folder),
        "out": str(folder / "log.json"),
        "seconds": 3600,
        **more,
    }
    (folder / "case.json").write_text(json.dumps(case), "utf-8")
    return CurveCase(folder / "case.json", folder / "log.json")


def train_cases(backend: str, python: Path, cases: Sequence[CurveCase], folder: Path) -> None:
    """Train the cases of one framework, which is imported once. Raises SystemExit where it does not start."""
    _place_framework_side(folder)
    variables = {**os.environ, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    variables.pop("PYTHONPATH", None)
    entry = load_backend(backend).folder / TRAINER_ENTRY
    command = [python, "-m", "framework_side", entry, *(case.file for case in cases)]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(done.stderr[-4000:])


def _place_framework_side(folder: Path) -> None:
    if not (folder / "trainer").is_dir():
        shutil.copytree(Path(trainer.__file__).parent, folder / "trainer")
        shutil.copy(Path(__file__).with_name("framework_side.py"), folder)
