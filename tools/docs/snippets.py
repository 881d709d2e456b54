"""Run the code of the documentation: commands, Python, recipes.

    python -m tools.docs.snippets [PAGE ...]             exit code 1 where a snippet fails or prints something else
    python -m tools.docs.snippets --update [PAGE ...]    write what the commands print into the pages

Each page runs from top to bottom in a temporary folder of its own:

- a block with `title="NAME"` is written to that file
- YAML that is a recipe, or a part of one, is linted; after `<!-- docs: has errors -->` it must have an error
- `sh` blocks run in bash; `console` blocks run line by line (`$ command`), and the lines below a command are its
  output, where a line `...` stands for any lines. A command that fails must be followed by `$ echo $?`
- `python` blocks run; a `text` block right behind one is its output
- `<!-- docs: checkout -->` at the top of a page puts a copy of `examples/` into the folder
- `json`, `jsonl` and `toml` blocks must parse

Commands that need a GPU, the network or a framework are listed with their reason in `tools/docs/not_run.yaml`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tools.docs.markdown import Block, list_blocks

ROOT = Path(__file__).parents[2]
NOT_RUN = Path(__file__).with_name("not_run.yaml")
PAGES_OUTSIDE_DOCS = ("README.md", "CONTRIBUTING.md")
GENERATED = ("docs/guards/", "docs/reference/fields/", "docs/research/")
"""Pages that `tools.generate_docs` writes, with what it ran itself."""
TIMEOUT = 300
MINIMAL_RECIPE: dict[str, Any] = {"version": 1, "model": "Qwen/Qwen3-4B", "data": {"train": "data.jsonl"}}
_ANY_LINES = "..."


@dataclass
class PageRun:
    """A page while it runs: its folder, the last exit code, what went wrong, and new outputs by position."""

    page: Path
    folder: Path
    exit_code: int = 0
    problems: list[str] = field(default_factory=list)
    outputs: dict[tuple[int, int], str] = field(default_factory=dict)

    def add_problem(self, block: Block, text: str) -> None:
        """Note what is wrong with a block."""
        self.problems.append(f"{self.page.relative_to(ROOT)}:{block.line}: {text.rstrip()}")


def list_snippet_pages() -> list[Path]:
    """Pages whose code is run: those that people write."""
    pages = [*(ROOT / name for name in PAGES_OUTSIDE_DOCS), *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in pages if not page.relative_to(ROOT).as_posix().startswith(GENERATED)]


def run_page(page: Path) -> PageRun:
    """Run everything on a page."""
    text = page.read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        run = PageRun(page, Path(folder).resolve())
        if "<!-- docs: checkout -->" in text:
            shutil.copytree(
                ROOT / "examples", run.folder / "examples", ignore=shutil.ignore_patterns("runs", "compiled")
            )
        previous: Block | None = None
        printed = ""
        for block in list_blocks(text):
            printed = _run_block(run, block, previous, printed, text)
            previous = block
        return run


def _run_block(run: PageRun, block: Block, previous: Block | None, printed: str, text: str) -> str:
    """Run or check one block; what Python printed, for a `text` block behind it."""
    if block.title:
        file = run.folder / block.title
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.body, "utf-8")
    if block.language in ("yaml", "yml"):
        _check_yaml(run, block)
    elif block.language in ("json", "jsonl", "toml"):
        _check_data(run, block)
    elif block.language == "sh" and not block.title:
        _run_shell(run, block)
    elif block.language == "console":
        _run_console(run, block)
    elif block.language == "python":
        return _run_python(run, block)
    elif block.language == "text" and previous and _follows_python(text, previous, block):
        _compare(run, block, (block.start, block.end), block.body, printed)
    return ""


def _follows_python(text: str, previous: Block, block: Block) -> bool:
    between = text[previous.end : block.start].strip("` \n").removeprefix("text")
    return previous.language == "python" and not between


def _check_data(run: PageRun, block: Block) -> None:
    try:
        if block.language == "toml":
            _load_toml(block.body)
        elif block.language == "jsonl":
            for line in block.body.splitlines():
                json.loads(line)
        else:
            json.loads(block.body)
    except ValueError as error:
        run.add_problem(block, f"{block.language} does not parse: {error}")


def _load_toml(text: str) -> None:
    import tomllib

    tomllib.loads(text)


def _check_yaml(run: PageRun, block: Block) -> None:
    """Lint a recipe, or a part of one laid over the shortest recipe; other YAML must parse."""
    try:
        data = yaml.safe_load(block.body)
    except yaml.YAMLError as error:
        run.add_problem(block, f"YAML does not parse: {error}")
        return
    if not isinstance(data, dict) or not set(data) <= _list_recipe_fields():
        return
    whole = {**MINIMAL_RECIPE, **data}
    name = block.title or "recipe-of-the-page.yaml"
    if not block.title or whole != data:
        name = "part-of-the-page.yaml"
        (run.folder / name).write_text(block.body if whole == data else yaml.safe_dump(whole, sort_keys=False), "utf-8")
    done = _run_command(run, f"recipes lint -q {name}", 0)
    if (done.returncode != 0) != (block.note == "has errors"):
        run.add_problem(block, f"recipes lint exits {done.returncode}\n{done.stdout}")
    if name == "part-of-the-page.yaml":
        (run.folder / name).unlink()


@cache
def _list_recipe_fields() -> frozenset[str]:
    from qwen_recipes.recipe.spec import Recipe

    return frozenset(Recipe.model_fields)


@cache
def load_exceptions() -> tuple[tuple[str, str], ...]:
    """Patterns of commands that are not run, and why."""
    return tuple((entry["command"], entry["why"]) for entry in yaml.safe_load(NOT_RUN.read_text("utf-8")))


def explain_not_run(command: str) -> str:
    """Why a command is not run; empty where it is."""
    return next((why for pattern, why in load_exceptions() if re.search(pattern, command)), "")


def list_commands(block: Block) -> Iterator[str]:
    """The commands of a shell block, without comments."""
    for line in block.body.replace("\\\n", " ").splitlines():
        command = line.removeprefix("$ ") if block.language == "console" else line
        is_command = line.startswith("$ ") if block.language == "console" else not line.startswith("#")
        if is_command and command.strip():
            yield command.strip()


def _run_shell(run: PageRun, block: Block) -> None:
    for command in list_commands(block):
        if not explain_not_run(command):
            done = _run_command(run, command, run.exit_code)
            run.exit_code = done.returncode
            if done.returncode:
                run.add_problem(block, f"`{command}` exits {done.returncode}\n{done.stdout}")


def _run_console(run: PageRun, block: Block) -> None:
    """Run each command and compare what it prints."""
    starts = [m.start() for m in re.finditer(r"^\$ ", block.body, re.M)]
    for start, end in zip(starts, [*starts[1:], len(block.body)], strict=True):
        line, _, expected = block.body[start:end].partition("\n")
        command = line.removeprefix("$ ")
        if run.exit_code and command != "echo $?":
            run.add_problem(block, f"a command before `{command}` exits {run.exit_code}, which the page does not show")
        if explain_not_run(command):
            run.exit_code = 0
            continue
        done = _run_command(run, command, run.exit_code)
        run.exit_code = 0 if command == "echo $?" else done.returncode
        span = block.start + start + len(line) + 1, block.start + end
        _compare(run, block, span, expected, done.stdout)
    if run.exit_code:
        run.add_problem(block, f"the last command exits {run.exit_code}, which the page does not show (`$ echo $?`)")
        run.exit_code = 0


def _run_python(run: PageRun, block: Block) -> str:
    file = run.folder / "snippet_of_the_page.py"
    file.write_text(block.body, "utf-8")
    done = _run_command(run, f"python {file.name}", 0)
    if done.returncode:
        run.add_problem(block, f"Python exits {done.returncode}\n{done.stdout}")
    file.unlink(missing_ok=True)
    return done.stdout


def _compare(run: PageRun, block: Block, span: tuple[int, int], expected: str, printed: str) -> None:
    """Note where the output is another than the page's."""
    printed = _normalize(run, printed)
    if not _matches(expected, printed):
        run.outputs[span] = printed + ("\n" if expected.endswith("\n\n") and printed else "")
        run.add_problem(block, f"the output differs\n--- the page has\n{expected}--- printed is\n{printed}")


def _normalize(run: PageRun, text: str) -> str:
    lines = [line.rstrip() for line in text.replace(str(run.folder), "/home/you").strip("\n").splitlines()]
    return "\n".join(lines) + "\n" if lines else ""


def _matches(expected: str, printed: str) -> bool:
    parts = [
        re.escape(part) for part in re.split(rf"^{re.escape(_ANY_LINES)}\n", expected.rstrip("\n") + "\n", flags=re.M)
    ]
    return re.fullmatch(r"(?:.*\n)*?".join(parts), printed if printed.strip() else "\n") is not None


def _run_command(run: PageRun, command: str, exit_code: int) -> subprocess.CompletedProcess[str]:
    """Run a command as in a terminal of 100 columns, in the page's folder."""
    paths = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "QWEN_RECIPES"))},
        **{"PATH": paths, "NO_COLOR": "1", "COLUMNS": "100", "CUDA_VISIBLE_DEVICES": ""},
        **{"HOME": str(run.folder), "XDG_CACHE_HOME": str(run.folder / ".cache"), "HF_HUB_OFFLINE": "1"},
    }
    script = f"(exit {exit_code})\n{command}" if exit_code else command
    return subprocess.run(
        ["bash", "-c", script],
        cwd=run.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def update_page(run: PageRun) -> None:
    """Write what the commands printed into the page."""
    text = run.page.read_text("utf-8")
    for (start, end), printed in sorted(run.outputs.items(), reverse=True):
        text = text[:start] + printed + text[end:]
    run.page.write_text(text, "utf-8")


def main() -> int:
    """Run pages; print what fails; 1 where something does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", type=Path)
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    problems: list[str] = []
    for page in [page.resolve() for page in options.pages] or list_snippet_pages():
        run = run_page(page)
        if options.update and run.outputs:
            update_page(run)
            run = run_page(page)
        problems += run.problems
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
