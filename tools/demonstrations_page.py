"""docs/demonstrations.md: what the project was founded on, each with a recipe that shows it and what `recipes` says.

Recipes are the first failing case of each guard in tests/guards, and the output is the command's own.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from qwen_recipes.backends import load_backend
from qwen_recipes.cli import main as recipes
from qwen_recipes.cli.console import text as as_text
from qwen_recipes.guards import Guard, list_guard_codes, load_guard, run_guards
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.resolve import resolve

CASES = Path(__file__).parent.parent / "tests" / "guards"
MINIMAL_RECIPE = {"version": 1, "model": "Qwen/Qwen3-4B", "data": {"train": "rows.jsonl"}}
INITIAL_GUARDS = [
    *("QR101", "QR102", "QR103", "QR104", "QR107", "QR108", "QR109"),
    *("QR201", "QR203", "QR204", "QR205", "QR206", "QR207", "QR209", "QR211"),
    *("QR301", "QR302", "QR303", "QR304", "QR305", "QR306", "QR307", "QR308", "QR309"),
    *("QR401", "QR402", "QR403", "QR404", "QR405", "QR406", "QR409", "QR410", "QR412"),
    *("QR601", "QR602", "QR701", "QR704"),
]
"""The rules that the project started from."""
HEAD = """# Demonstrations

What this project was founded on: each rule with the shortest recipe that breaks it, and what `recipes` then says.
Written by tools/generate_docs.py; the recipes are cases of [the tests](../tests/guards), the output is the command's
own. What each rule rests on is on its page.
"""


def render_page() -> str:
    """The whole page."""
    known = set(list_guard_codes())
    return "\n".join([HEAD, *(render_section(load_guard(code)) for code in INITIAL_GUARDS if code in known)])


def render_section(guard: Guard) -> str:
    title = f"## [{guard.code}](guards/{guard.code}.md): {guard.title}\n"
    if guard.checked_by:
        return f"{title}\n{' '.join(guard.get_section('What').split())}\n"
    cases = yaml.safe_load((CASES / f"{guard.code}.yaml").read_text("utf-8"))["cases"]
    failing = [case for case in cases if case["expect"] == "fail"]
    case = next((case for case in failing if "version" not in case), failing[0])
    recipe = yaml.safe_dump({**MINIMAL_RECIPE, **case["recipe"]}, sort_keys=False, default_flow_style=None, width=100)
    return f"{title}\n```yaml\n{recipe.rstrip()}\n```\n\n```console\n{render_output(guard, case, recipe)}\n```\n"


def render_output(guard: Guard, case: dict[str, Any], recipe: str) -> str:
    """The command and what it prints; a version that the command line can't name is judged by the library."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for name, content in {**case.get("files", {}), "recipe.yaml": recipe}.items():
                Path(name).parent.mkdir(exist_ok=True)
                Path(name).write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
            return _check_at_version(guard, case) if "version" in case else _lint_case(guard, case)
        finally:
            os.chdir(before)


def _lint_case(guard: Guard, case: dict[str, Any]) -> str:
    words = ["lint", "recipe.yaml", "--backend", case["backend"], "--select", guard.code]
    said = CliRunner().invoke(recipes, words, env={"NO_COLOR": "1"})
    assert guard.code in said.output, f"{guard.code}: {said.output}"
    return f"$ recipes {' '.join(words)}\n{said.output.rstrip()}"


def _check_at_version(guard: Guard, case: dict[str, Any]) -> str:
    backend = replace(load_backend(case["backend"]), version=case["version"])
    loaded = load_recipe("recipe.yaml")
    found = [f for f in run_guards(resolve(loaded, backend), loaded, backend) if f.code == guard.code]
    plain = re.sub(r"\x1b\[\d+m", "", as_text(found))
    return f"# judged for {backend.title} {backend.version}\n{plain.rstrip()}"
