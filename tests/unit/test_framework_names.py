"""A framework is a folder in `backends/`: no other code of the package or its tools names one, but for good reason."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT

NAMES = re.compile(
    r"axolotl|llama_?-?factory|ms[-_]swift|\bswift\b|(?<![a-z])trl(?![a-z])|\bunsloth\b|torchtune", re.IGNORECASE
)
ALLOWED = {
    "qwen_recipes/backends/": "the frameworks' own folders",
    "qwen_recipes/guards/": "a rule is about what one framework gets wrong",
    "qwen_recipes/estimate/": "what was measured with each; others are estimated as the nearest",
    "qwen_recipes/data/rows/": "layouts by who writes them, and shapes that are copied beside a config",
    "qwen_recipes/data/reward_functions.py": "copied beside a config, where it registers itself",
    "qwen_recipes/resolve/training.py": "the reason for a default that holds for all",
    "qwen_recipes/recipe/spec/": "names that editors complete (any other is taken too), and examples",
    "qwen_recipes/recipe/value_descriptions.py": "what editors say of those names",
    "qwen_recipes/qwen/quantized_names.py": "names of quantized copies of models",
    "qwen_recipes/environments/doctor.py": "TRL as a package that others bring",
    "qwen_recipes/environments/optional_packages.py": "packages that a native key asks for",
    "qwen_recipes/runs/record.py": "TRL as a package that others bring",
    "qwen_recipes/verify/trainer/warm_start.py": "TRL as a package that others bring",
    "qwen_recipes/cli/options_and_exits.py": "an example in a help text",
    "tools/docs/": "examples on pages",
    "tools/model_sources.py": "models that an organization of that name uploads",
    "tools/trainer_page.py": "a page of measurements",
    "tools/tested_objectives.py": "the name of a file of measurements",
}
"""Files and folders that may name one, with the reason."""
FILES = sorted(file for folder in ("qwen_recipes", "tools") for file in (ROOT / folder).rglob("*.py"))


def find_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of each name, import or text that names a framework; docstrings and comments may."""
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        text = {
            ast.Constant: lambda n: n.value if isinstance(n.value, str) and id(n) not in docs else "",
            ast.Name: lambda n: n.id,
            ast.Attribute: lambda n: n.attr,
            ast.FunctionDef: lambda n: n.name,
            ast.ClassDef: lambda n: n.name,
            ast.ImportFrom: lambda n: n.module or "",
            ast.alias: lambda n: n.name,
        }.get(type(node), lambda n: "")(node)
        if NAMES.search(text):
            yield getattr(node, "lineno", 0), text


def test_a_framework_is_named_in_its_folder_only():
    found = [
        f"{name}:{line}: {text}"
        for file in FILES
        for name in [file.relative_to(ROOT).as_posix()]
        if not name.startswith(tuple(ALLOWED))
        for line, text in find_names(ast.parse(file.read_text("utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize("place", ALLOWED)
def test_each_exception_is_needed(place):
    files = [file for file in FILES if file.relative_to(ROOT).as_posix().startswith(place)]
    assert any(list(find_names(ast.parse(file.read_text("utf-8")))) for file in files)


@pytest.mark.parametrize("line", ['x == "ms-swift"', "import trl", "from axolotl import y", "def use_trl(): pass"])
def test_other_ways_to_name_one_are_seen(line):
    assert list(find_names(ast.parse(line)))
    assert not list(find_names(ast.parse('"""TRL pads."""\ncontrol = "controls"  # Axolotl does not')))
