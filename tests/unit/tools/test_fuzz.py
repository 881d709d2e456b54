"""tools/fuzz.py over a few inputs, and the files that it was written for."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from qwen_recipes.finding import MAX_FINDINGS, Finding, RecipeError
from qwen_recipes.recipe.load import load_recipe_text
from tests.conftest import ROOT

HANGS = 60
"""Seconds: what takes longer has run away. How fast it is, `make bench` says."""
SHORTEST = "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\n"


def findings(text: str) -> list[Finding]:
    with pytest.raises(RecipeError) as caught:
        load_recipe_text(text, "bad.recipe.yaml", ROOT)
    return caught.value.findings


def test_two_thousand_inputs() -> None:
    command = [sys.executable, "-m", "tools.fuzz", "--count", "2000", "--seed", "20"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "2,000 inputs" in done.stdout and "0 failures" in done.stdout


def test_a_billion_laughs_is_refused_with_its_line() -> None:
    lines = ["lol0: &lol0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    for level in range(1, 10):
        lines.append(f"lol{level}: &lol{level} [" + ", ".join([f"*lol{level - 1}"] * 10) + "]")
    start = time.process_time()
    (finding,) = findings(SHORTEST + "\n".join(lines) + "\n")
    assert "expands to more than 100,000 values" in finding.message
    assert finding.span and finding.span.line == 8 and finding.line.startswith("lol4:")
    assert time.process_time() - start < HANGS


def test_a_huge_value_is_refused_with_its_line() -> None:
    (finding,) = findings(SHORTEST + "allow: {QR101: " + "x" * 3_900_000 + "}\n")
    assert "3,900,000 characters" in finding.message
    assert finding.span and finding.span.line == 4


def test_a_file_of_mistakes_is_told_in_part_and_soon() -> None:
    for text in (
        "a: 1\n" * 30_000,
        "training: [" + "~," * 60_000 + "]\n",
        "".join(f"k{n}: 1\n" for n in range(40_000)),
    ):
        start = time.process_time()
        found = findings(SHORTEST + text)
        assert len(found) == MAX_FINDINGS + 1
        assert "more problems" in found[-1].message
        assert time.process_time() - start < HANGS
