"""A demonstration as it goes: files, Python and commands, each shown with what came of it, as Markdown."""

from __future__ import annotations

import io
import json
import os
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from qwen_recipes.cli import main as recipes

RESULTS = Path(__file__).parents[1] / "evidence" / "results"


class Demonstration:
    """What was told so far; everything runs in a folder of its own."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def add_paragraph(self, text: str) -> None:
        """A paragraph."""
        self.parts.append(" ".join(text.split()))

    def write_rows(self, name: str, *rows: dict[str, Any]) -> None:
        """A file of rows."""
        self.write_file(name, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "json")

    def write_file(self, name: str, text: str, kind: str = "yaml") -> None:
        """A file, under its name."""
        Path(name).write_text(text, "utf-8")
        self.parts.append(f"`{name}`:\n\n```{kind}\n{text.rstrip()}\n```")

    def run_python(self, code: str) -> None:
        """A piece of Python, and what it prints."""
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(code, "<shown>", "exec"), {})
        self.parts.append(f"```python\n{code.strip()}\n```\n\n```text\n{printed.getvalue().rstrip()}\n```")

    def run_recipes(self, arguments: str, exit_code: int = 0) -> None:
        """A command of ours, what it prints, and its exit code, which has to be this one."""
        done = CliRunner().invoke(recipes, shlex.split(arguments), env={"NO_COLOR": "1"})
        assert done.exit_code == exit_code, done.output
        last = f"\n$ echo $?\n{exit_code}" if exit_code else ""
        self.parts.append(f"```console\n$ recipes {arguments}\n{done.output.rstrip()}{last}\n```")

    def add_evidence(self, name: str) -> None:
        """What a script of evidence saw in a real framework, as it is kept."""
        kept = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
        versions = ", ".join(f"{package} {version}" for package, version in kept["versions"].items())
        lines = "\n".join(f"{key}: {value}" for key, value in kept["seen"].items())
        command = f"python research/evidence/run_evidence.py {name}   # {versions}, {kept['date']}"
        self.parts.append(f"```console\n$ {command}\n{lines}\n```")

    @property
    def text(self) -> str:
        """All of it."""
        return "\n\n".join(self.parts) + "\n"


@contextmanager
def temporary_workdir() -> Iterator[None]:
    """Work in a new folder, gone afterwards."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)
