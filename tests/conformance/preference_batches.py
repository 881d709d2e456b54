"""Preference examples as they stand in a framework's first batches, and as our definition makes them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile import compile_recipe, write_files
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.verify import trainer

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


def run_cases(name: str, interpreter: Path, cases: list[Path], root: Path) -> list[dict[str, Any]]:
    """The observations of these cases, from one process that imports the framework once."""
    package = root / "trainer"
    if not package.is_dir():
        shutil.copytree(Path(trainer.__file__).parent, package)
    variables = {**os.environ, "PATH": f"{interpreter.parent}{os.pathsep}{os.environ['PATH']}"}
    variables.pop("PYTHONPATH", None)
    command = [interpreter, "-m", "trainer.worker", name.replace("-", "_"), *cases]
    done = subprocess.run(command, cwd=root, env=variables, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(done.stderr[-4000:])
    return [json.loads(Path(json.loads(case.read_text("utf-8"))["out"]).read_text("utf-8")) for case in cases]


def read_examples(observation: dict[str, Any], objective: str) -> list[tuple[Any, ...]]:
    """Pairs as (chosen, rejected), labelled answers as (answer, mismatched, label), in the order of the batches."""
    assert "error" not in observation, observation["error"]
    read = _read_labelled if objective == "kto" else _read_pairs
    batches = observation["batches"]["micro_batches"]
    return [example for batch in batches for example in read(batch["values"], objective == "reward")]


def _read_pairs(values: dict[str, Any], reward: bool) -> Iterator[tuple[Sequence_, Sequence_]]:
    sides = {side: list(_read_rows(values, f"{side}_")) for side in ("chosen", "rejected")}
    if "input_ids" in values:
        both = list(_read_rows(values, ""))
        sides = {"chosen": both[: len(both) // 2], "rejected": both[len(both) // 2 :]}
    for chosen, rejected in zip(sides["chosen"], sides["rejected"], strict=True):
        yield ((chosen[0], ()), (rejected[0], ())) if reward else (chosen, rejected)


def _read_labelled(values: dict[str, Any], _reward: bool) -> Iterator[tuple[Sequence_, Sequence_, bool]]:
    own, other = next(
        (a, b) for a, b in (("", "kl_"), ("completion_", "KL_completion_"), ("", "KL_")) if f"{b}input_ids" in values
    )
    labels = values.get("label", values.get("kto_tags"))
    rows = zip(_read_rows(values, own), _read_rows(values, other), labels, strict=True)
    yield from ((mine, mismatched, bool(label)) for mine, mismatched, label in rows)


def _read_rows(values: dict[str, Any], prefix: str) -> Iterator[Sequence_]:
    """Ids without padding, and the ids in the loss."""
    ids, attended = values.get(f"{prefix}input_ids", ()), values.get(f"{prefix}attention_mask", ())
    scored = next((values[key] for key in _name_masks(prefix) if key in values), None)
    for row, (tokens, mask) in enumerate(zip(ids, attended, strict=True)):
        kept = tuple(token for token, on in zip(tokens, mask, strict=True) if on)
        marks = scored[row] if scored is not None else []
        yield kept, tuple(token for token, mark in zip(tokens, marks, strict=False) if mark not in (0, -100, False))


def _name_masks(prefix: str) -> tuple[str, ...]:
    return (
        f"{prefix}labels",
        f"{prefix}completion_mask",
        "KL_completion_mask" if prefix == "KL_" else "completion_mask",
    )
