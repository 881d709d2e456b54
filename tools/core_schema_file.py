"""The recipe's core schema as `recipe/spec/validator.py` reads it: what pydantic built of the models, as JSON.

`python -m tools.core_schema_file` tells whether the installed pydantic builds what the file has.
"""

from __future__ import annotations

import json
import re
import sys
from functools import partial
from typing import Any

from pydantic import VERSION

from qwen_recipes.recipe.spec import Recipe, short_forms
from qwen_recipes.recipe.spec.section import Section
from qwen_recipes.recipe.spec.validator import CLASS, FILE, FUNCTION

_FOR_JSON_SCHEMA = ("metadata", "serialization")


def render_core_schema() -> str:
    """The file's text."""
    Recipe.model_rebuild()
    return json.dumps(encode_node(Recipe.__pydantic_core_schema__), separators=(",", ":")) + "\n"


def encode_node(node: Any) -> Any:
    """A part of the core schema as JSON data. Raises SystemExit for one that the file has no word for."""
    if isinstance(node, dict):
        return {key: encode_node(value) for key, value in node.items() if key not in _FOR_JSON_SCHEMA}
    if isinstance(node, (list, tuple)):
        return [encode_node(item) for item in node]
    if isinstance(node, str):
        return re.sub(r"^(qwen_recipes[.].+):[0-9]+$", r"\1", node)  # a class's address in memory
    if node is None or isinstance(node, (bool, int, float)):
        return node
    if isinstance(node, type) and issubclass(node, Section):
        return {CLASS: node.__name__}
    function, arguments = (node.func, node.args) if isinstance(node, partial) else (node, ())
    if vars(short_forms).get(getattr(function, "__name__", "")) is function:
        return {FUNCTION: [function.__name__, *arguments]}
    raise SystemExit(f"recipe/spec/validator.py can't read {node!r} from a file")


def main() -> int:
    same = json.loads(FILE.read_text("utf-8")) == json.loads(render_core_schema())
    print(f"pydantic {VERSION} builds {'this' if same else 'another'} core schema")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
