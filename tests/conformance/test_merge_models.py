"""Whole models merged by mergekit against what they claim.

In the environment of `recipes env create mergekit`, or in the one that QWEN_RECIPES_MERGEKIT names.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from qwen_recipes.environments.program_environments import get_program_environment
from qwen_recipes.qwen.tokenizer import get_tokenizer_folder
from qwen_recipes.recipe.composition.merge_options import COMBINE_FIELDS, MODEL_METHODS

from .conftest import run_command

pytestmark = pytest.mark.full
PROGRAM = Path(__file__).with_name("merge_models_program.py")
ROOT = str(Path(__file__).parents[2])


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What was found of a merge of two models by each method."""
    ours = get_program_environment("mergekit")
    environment = Path(os.environ.get("QWEN_RECIPES_MERGEKIT", ours.folder))
    if not ours.ready and "QWEN_RECIPES_MERGEKIT" not in os.environ:
        pytest.skip("no environment for mergekit: `recipes env create mergekit`")
    folder = tmp_path_factory.mktemp("models")
    python = environment / "bin" / "python"
    run_command([python, PROGRAM, "make", folder, get_tokenizer_folder("hybrid")])
    for method in MODEL_METHODS:
        command = [
            sys.executable,
            "-c",
            "from qwen_recipes.cli import main; main()",
            "merge",
            folder / "a",
            folder / "b",
        ]
        command += ["--weight", "0.7", "--weight", "0.3", "--combine", method, "-o", folder / method]
        options = {"base": folder / "base", "density": "0.5"}
        for name in (name for name in options if method in COMBINE_FIELDS[name]):
            command += [f"--{name}", options[name]]
        run_command([*command, "--seed", "3", "--environment", environment], PYTHONPATH=ROOT, OMP_NUM_THREADS="1")
    found: dict[str, dict[str, Any]] = json.loads(
        run_command([python, PROGRAM, "compare", folder, *MODEL_METHODS]).splitlines()[-1]
    )
    return found


@pytest.mark.parametrize("method", MODEL_METHODS)
def test_a_merge_is_what_it_claims(method: str, merged: dict[str, dict[str, Any]]) -> None:
    one = merged[method]
    if method.startswith("dare"):
        both = 0.25 if method == "dare_linear" else 0.125  # TIES takes one of two that have different signs
        assert one["difference"] < 2e-3, one
        assert (one["shares"][0], one["shares"][3]) == pytest.approx((0.25, both), abs=0.005)
    else:
        assert one["difference"] < 1e-5 < one["moved"]


@pytest.mark.parametrize("method", MODEL_METHODS)
def test_the_result_loads_and_keeps_every_row_of_its_embeddings(method: str, merged: dict[str, dict[str, Any]]) -> None:
    one = merged[method]
    assert one["same_names"] and one["finite"] and one["tied"]
    assert one["rows"] == one["vocab_size"] == 151936
    assert one["generation"] == [151645, 151643] and one["tokens"] == [151644, 872]
    assert one["template"] == "template of both", "of the first model, and not of the base"
