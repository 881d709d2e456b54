"""Files that anybody may have written are read through `filesystem/read_file.py`, or as rows (`data/rows/`)."""

from __future__ import annotations

import ast

import pytest

from qwen_recipes.backends.base import ROW_ENCODER, TRAINER_ENTRY
from tests.conftest import ROOT

PACKAGE = ROOT / "qwen_recipes"
OTHERS = ("filesystem/", "data/rows/", "verify/encoders/", "verify/trainer/")
"""Read files in bounded pieces (`data/rows/limits.py`), or run in a framework's environment."""
OWN_FILES = {
    "backends/base.py", "backends/entry_points.py", "backends/flash_attention.py", "backends/native_modules.py",
    "backends/tested_objectives.py",
    "compile/render.py", "data/reward_functions.py", "diagnose/causes.py", "environments/find_uv.py",
    "environments/lock_file.py", "estimate/estimate.py", "estimate/measured/__init__.py", "estimate/memory.py",
    "gpus/catalogue.py", "qwen/chat_templates.py", "qwen/coder.py", "qwen/placeholder_model.py",
    "qwen/tokenizer_files.py", "recipe/spec/validator.py",
}  # fmt: skip
"""Read what this package brings, or what an installer wrote."""
OWN_OUTPUT = {
    "__main__.py": "the null device, to write",
    "data/hub_dataset.py": "a file on the hub, of which the first rows are read",
    "environments/gpu.py": "what a GPU driver lists",
    "export/merging/__main__.py": "the job that `recipes merge` wrote, and /proc",
    "export/merging/compare_loss.py": "the job that `recipes merge` wrote",
    "export/merging/read_config.py": "through filesystem/read_file.py, which it loads from its place",
    "export/merging/base_weights.py": "the head of a safetensors file, whose size safetensors has checked",
    "backends/torchtune/labelled_rows.py": "rows that the rows program wrote, in the framework's environment",
    "backends/trl/trainer_plugin.py": "its own config, in the framework's environment",
    "environments/logged_command.py": "the log of our own commands",
    "verify/trainer_probe/probe_jobs.py": "in our own temporary folder",
    "verify/encoding_jobs.py": "in our own temporary folder",
    "runs/heartbeat.py": "/proc", "runs/host_memory.py": "/proc", "runs/supervisor.py": "/proc",
}  # fmt: skip
METHODS = {"read_text", "read_bytes", "open", "fdopen"}


def find_reading_calls(tree: ast.AST) -> list[tuple[int, str]]:
    """Line and name of each call that reads a file in a way of its own."""
    found = []
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        function = call.func
        if isinstance(function, ast.Name) and function.id == "open":
            found.append((call.lineno, "open"))
        is_method = isinstance(function, ast.Attribute) and function.attr in METHODS
        if is_method and not ast.unparse(call).startswith(("os.open(os.devnull", "read.read_text")):
            found.append((call.lineno, function.attr))
    return found


def test_modules_read_through_filesystem():
    allowed = OWN_FILES | set(OWN_OUTPUT)
    found = [
        f"{name}:{line}: {call}"
        for file in sorted(PACKAGE.rglob("*.py"))
        for name in [file.relative_to(PACKAGE).as_posix()]
        if not name.startswith(OTHERS) and name not in allowed and file.name not in (ROW_ENCODER, TRAINER_ENTRY)
        for line, call in find_reading_calls(ast.parse(file.read_text("utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize("line", ["open(p)", "p.open('rb')", "p.read_text()", "(a / b).read_bytes()", "os.open(p, 0)"])
def test_other_ways_to_read_are_seen(line):
    assert find_reading_calls(ast.parse(line))
