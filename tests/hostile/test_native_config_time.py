"""The time to lint a framework's config grows as its size does, whoever asks: the commands and the language server."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.bench_reading import KINDS, compute_slope
from qwen_recipes.cli import main
from tests.editor.client import LanguageClient

SIZES = (20_000, 80_000)
MAX_SLOPE = 1.5
"""Quadratic time would be 2."""
MAX_SECONDS = 10.0
"""Of the processor for the larger file, which takes about one: what is slow at each key shows in no slope."""
NATIVE = [
    "Axolotl YAML, unknown keys",
    "Axolotl YAML, nested keys",
    "LLaMA-Factory JSON",
    "script, many commands",
    "script, many mistakes",
    "script, many flags",
]


def lint(*arguments: str) -> float:
    """Seconds of the processor that `recipes lint` takes."""
    began = time.process_time()
    result = CliRunner().invoke(main, ["lint", *arguments])
    assert result.exit_code in (0, 1), result.output
    return time.process_time() - began


def lint_file(file: Path) -> float:
    return lint(str(file))


def lint_folder(file: Path) -> float:
    return lint(str(file.parent), "--as", "axolotl")


def hold_slope(name: str, folder: Path, measure: Callable[[Path], float]) -> None:
    """A busy machine may spoil one measurement: the best of four tries counts."""
    slopes = []
    for _ in range(4):
        times = {}
        for size in SIZES:
            file = folder / str(size) / KINDS[name].file
            file.parent.mkdir(exist_ok=True)
            file.write_text(KINDS[name].make(size), "utf-8")
            times[size] = min(measure(file) for _ in range(2))
        assert max(times.values()) < MAX_SECONDS, times
        slopes.append(compute_slope(times))
        if slopes[-1] <= MAX_SLOPE:
            return
    raise AssertionError(f"slopes of {name}: {slopes}")


@pytest.mark.parametrize("measure", [lint_file, lint_folder])
@pytest.mark.parametrize("name", NATIVE)
def test_lint_takes_four_times_as_long_for_four_times_as_much(name, measure, tmp_path):
    if measure is lint_folder and KINDS[name].file.endswith(".json"):
        pytest.skip("folders are searched for YAML and scripts")
    hold_slope(name, tmp_path, measure)


@pytest.mark.parametrize("name", NATIVE)
def test_so_does_the_language_server(name, tmp_path):
    pytest.importorskip("pygls", reason="the extra `lsp` is not installed")
    command = [sys.executable, "-m", "qwen_recipes", "lsp"]
    with LanguageClient(command, tmp_path) as client:

        def measure(file: Path) -> float:
            before = read_processor_seconds(client.process.pid)
            client.wait_for_diagnostics(client.open(str(file), file.read_text("utf-8")))
            return read_processor_seconds(client.process.pid) - before

        hold_slope(name, tmp_path, measure)


def read_processor_seconds(pid: int) -> float:
    """Seconds that a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
