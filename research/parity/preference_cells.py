"""Preference examples as they stand in a framework's first batches, and as our definition makes them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.base import TRAINER_ENTRY
from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile import compile_recipe, write_files
from qwen_recipes.data.encoder import Encoder
from qwen_recipes.data.rows.encode import IGNORE_INDEX, EncodedRow
from qwen_recipes.data.rows.formats import normalize_row
from qwen_recipes.data.rows.preferences import EncodedAnswers, TooLongError
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.verify import trainer
from qwen_recipes.verify.preference_batches import read_preferences
from research.parity.made_preferences import KINDS, Row, make_labelled, make_pairs

BACKENDS = ("axolotl", "llamafactory", "ms-swift", "trl")
OBJECTIVES = ("dpo", "orpo", "simpo", "kto", "reward")
UNSUPPORTED = {("trl", "orpo"), ("trl", "simpo")}
"""A framework without that objective."""
MICRO_BATCH = 4
LENGTH = 320
"""Tokens: tool definitions fit, answers of the kind `truncated` do not."""
Tokens = tuple[int, ...]
Sequence_ = tuple[Tokens, Tokens]
"""Ids of a conversation, and those of them that are scored."""
Example = tuple[Any, ...]
"""Chosen and rejected sequence, or a labelled answer's and its mismatched one's with the label."""
RECIPE = """\
version: 1
name: tiny
model: {model}
data: {{train: rows.jsonl}}
objective: {objective}
method: {{type: lora, rank: 4}}
training: {{steps: 1, batch_size: {size}, micro_batch_size: {size}, sequence_length: {length}, overlong: truncate}}
hardware: {{device: cpu}}
"""


def make_rows(objective: str, count: int) -> dict[str, list[Row]]:
    """`count` examples of each kind, labelled ones for KTO."""
    make = make_labelled if objective == "kto" else make_pairs
    return {kind: make(kind, count) for kind in KINDS}


def place_recipe(folder: Path, objective: str, rows: Sequence[Row], model: Path, length: int = LENGTH) -> Path:
    """A recipe for these rows in a folder of its own; `length` in tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    file = folder / "tiny.yaml"
    file.write_text(RECIPE.format(objective=objective, model=model, size=MICRO_BATCH, length=length), "utf-8")
    return file


def make_case(name: str, recipe: Path, batches: int) -> tuple[Path, Plan]:
    """The case file of a recipe compiled for one framework, for `run_cases`, and its plan. Raises RecipeError."""
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
        "only_batches": True,
    }
    file = recipe.parent / f"{name}.case.json"
    file.write_text(json.dumps(case), "utf-8")
    return file, made.plan


def run_cases(
    name: str, interpreter: Path, cases: Sequence[Path], root: Path, module: str = "trainer.worker"
) -> list[dict[str, Any]]:
    """The observations of these cases, from one process that imports the framework once.

    `module` is what the framework's interpreter runs: the worker, or `framework_losses`. Raises RuntimeError.
    """
    package = root / "trainer"
    if not package.is_dir():
        shutil.copytree(Path(trainer.__file__).parent, package)
        shutil.copy(Path(__file__).with_name("framework_losses.py"), root)
    variables = {**os.environ, "PATH": f"{interpreter.parent}{os.pathsep}{os.environ['PATH']}"}
    variables.pop("PYTHONPATH", None)
    command = [interpreter, "-m", module, load_backend(name).folder / TRAINER_ENTRY, *cases]
    done = subprocess.run(command, cwd=root, env=variables, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    return [json.loads(Path(json.loads(case.read_text("utf-8"))["out"]).read_text("utf-8")) for case in cases]


def read_examples(observation: dict[str, Any], objective: str) -> list[Example]:
    """Pairs as (chosen, rejected), labelled answers as (answer, mismatched, label), in the order of the batches.

    Raises RuntimeError where the framework did not get that far.
    """
    if "error" in observation:
        raise RuntimeError(observation["error"])
    found = read_preferences(observation["batches"]["micro_batches"], objective)
    if objective == "kto":
        return [(_list_scored(one.sides[0]), _list_scored(one.mismatched), one.label) for one in found]
    return [tuple(map(_list_scored, one.sides)) for one in found]


def _list_scored(row: EncodedRow | None) -> Sequence_:
    assert row is not None
    return tuple(row.ids), tuple(label for label in row.labels if label != IGNORE_INDEX)


def expect_examples(plan: Plan, rows: Sequence[Row], objective: str, encoder: Encoder) -> list[Example]:
    """What the definition in `rows/preferences.py` makes of these rows, cut to length; without mismatched answers."""
    made: list[Example] = []
    for row in rows:
        normal = normalize_row(row, "kto" if objective == "kto" else "preference", {})
        try:
            encoded = encoder.encode_preference(normal).truncate(plan.training.sequence_length)
        except TooLongError:
            continue
        sides = _list_sides(encoded, scored=objective != "reward")
        made.append((*sides, normal["label"]) if objective == "kto" else sides)
    return made


def _list_sides(encoded: EncodedAnswers, *, scored: bool) -> Example:
    """Each conversation's ids, and those of them that are scored; a reward model scores the conversation."""
    return tuple((tuple(encoded.prompt + answer), tuple(answer) if scored else ()) for answer in encoded.answers)


def count_same(drawn: Sequence[Example], expected: Mapping[str, Sequence[Example]]) -> dict[str, int]:
    """By kind, how many of the expected examples the framework drew."""
    left = Counter(drawn)
    same = dict.fromkeys(expected, 0)
    for kind, examples in expected.items():
        for one in examples:
            if left[one] > 0:
                left[one] -= 1
                same[kind] += 1
    return same


def count_mismatched(examples: Sequence[Example]) -> int:
    """How many mismatched answers stand behind the example's own prompt and are another example's."""
    good = 0
    for (ids, answer), (other_ids, other), _ in examples:
        prompt = ids[: len(ids) - len(answer)]
        good += other_ids[: len(prompt)] == prompt and other_ids[len(prompt) :] == other and other != answer
    return good
