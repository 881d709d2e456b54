"""Whole models merged by mergekit, in the environment that QWEN_RECIPES_MERGEKIT names, against what they claim."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from qwen_recipes.qwen.tokenizer import get_tokenizer_folder

from .conftest import run_command

pytestmark = pytest.mark.full
PROGRAM = Path(__file__).with_name("merge_models_program.py")
ROOT = str(Path(__file__).parents[2])


@pytest.fixture
def environment() -> Path:
    """mergekit's environment."""
    found = os.environ.get("QWEN_RECIPES_MERGEKIT")
    return Path(found) if found else pytest.skip("QWEN_RECIPES_MERGEKIT names no environment with mergekit")


def test_models_are_merged_exactly_and_keep_every_row_of_their_embeddings(environment: Path, tmp_path: Path) -> None:
    python = environment / "bin" / "python"
    run_command([python, PROGRAM, "make", tmp_path, get_tokenizer_folder("hybrid")])
    for method, more in (("linear", []), ("task_arithmetic", ["--base", tmp_path / "base"])):
        command = [sys.executable, "-c", "from qwen_recipes.cli import main; main()", "merge", tmp_path / "a"]
        command += [tmp_path / "b", "--weight", "0.7", "--weight", "0.3", "--combine", method, *more]
        run_command([*command, "-o", tmp_path / method, "--environment", environment], PYTHONPATH=ROOT)
    found = json.loads(run_command([python, PROGRAM, "compare", tmp_path]).splitlines()[-1])
    for one in found.values():
        assert one["same_names"] and one["tokenizer"] and one["difference"] < 1e-5
        assert one["rows"] == one["vocab_size"] == 151936
        assert one["generation"]["eos_token_id"] == [151645, 151643]
