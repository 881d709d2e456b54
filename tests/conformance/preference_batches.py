"""Preference examples as they stand in a framework's first batches, and as our definition makes them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile import compile_recipe, write_files
from qwen_recipes.data.rows.encode import IGNORE_INDEX, EncodedRow
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.verify import trainer
from qwen_recipes.verify.preference_batches import read_preferences

Tokens = tuple[int, ...]
Sequence_ = tuple[Tokens, Tokens]
"""Ids of a conversation, and those of them that are scored."""
MICRO_BATCH = 4
LENGTH = 320
"""Tokens: tool definitions fit, answers of the kind `truncated` do not."""
RECIPE = """\
version: 1
name: tiny
model: {model}
data: {{train: rows.jsonl}}
objective: {objective}
method: {{type: lora, rank: 4}}
training: {{steps: 1, batch_size: {size}, micro_batch_size: {size}, sequence_length: {length}, overlong: {overlong}}}
hardware: {{device: cpu}}
"""


def place_recipe(folder: Path, objective: str, rows: list[dict[str, Any]], **changes: Any) -> Path:
    """A recipe for these rows in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {"objective": objective, "length": LENGTH, "overlong": "truncate", "size": MICRO_BATCH, **changes}
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    file = folder / "tiny.yaml"
    file.write_text(RECIPE.format(**values), "utf-8")
    return file


def make_case(name: str, recipe: Path, batches: int) -> tuple[Path, Plan]:
    """The case file of a recipe compiled for one framework, for `run_cases`, and its plan."""
    folder = recipe.parent / name
    made = compile_recipe(load_recipe(str(recipe)), load_backend(name), folder)
    write_files(folder, made.files)
    case = {
        "folder": str(folder),
        "rows": str(folder / "rows.json"),
        "config": str(folder / "train.yaml"),
        "cwd": str(recipe.parent),
        "out": str(recipe.parent / f"{name}.json"),
        "batches": batches,
    }
    file = recipe.parent / f"{name}.case.json"
    file.write_text(json.dumps(case), "utf-8")
    return file, made.plan


def run_cases(
    name: str, interpreter: Path, cases: list[Path], root: Path, module: str = "trainer.worker"
) -> list[dict[str, Any]]:
    """The observations of these cases, from one process that imports the framework once.

    `module` is what the framework's interpreter runs: the worker, or `framework_losses`.
    """
    package = root / "trainer"
    if not package.is_dir():
        shutil.copytree(Path(trainer.__file__).parent, package)
        shutil.copy(Path(__file__).with_name("framework_losses.py"), root)
    variables = {**os.environ, "PATH": f"{interpreter.parent}{os.pathsep}{os.environ['PATH']}"}
    variables.pop("PYTHONPATH", None)
    command = [interpreter, "-m", module, name.replace("-", "_"), *cases]
    done = subprocess.run(command, cwd=root, env=variables, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(done.stderr[-4000:])
    return [json.loads(Path(json.loads(case.read_text("utf-8"))["out"]).read_text("utf-8")) for case in cases]


def read_examples(observation: dict[str, Any], objective: str) -> list[tuple[Any, ...]]:
    """Pairs as (chosen, rejected), labelled answers as (answer, mismatched, label), in the order of the batches."""
    assert "error" not in observation, observation["error"]
    found = read_preferences(observation["batches"]["micro_batches"], objective)
    if objective == "kto":
        return [(_list_scored(one.sides[0]), _list_scored(one.mismatched), one.label) for one in found]
    return [tuple(map(_list_scored, one.sides)) for one in found]


def _list_scored(row: EncodedRow | None) -> Sequence_:
    """A conversation's ids, and those of them that are scored."""
    assert row is not None
    return tuple(row.ids), tuple(label for label in row.labels if label != IGNORE_INDEX)
