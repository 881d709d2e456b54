"""PyYAML, which all three frameworks read with, takes `1e-4` for text, `on` for true, and the last of two keys."""

from __future__ import annotations

import yaml
from evidence_result import report_result

from qwen_recipes.finding import RecipeError
from qwen_recipes.yaml_text.nodes import plain_data
from qwen_recipes.yaml_text.reader import read_yaml

GUARDS = ("QR705",)
ENVIRONMENT = ""
TEXT = "rate: 1e-4\nmode: on\n"


def is_refused(text: str) -> bool:
    try:
        read_yaml(text, "x.yaml")
    except RecipeError:
        return True
    return False


pyyaml, ours = yaml.safe_load(TEXT), plain_data(read_yaml(TEXT, "x.yaml").root)
twice = yaml.safe_load("a: 1\na: 2\n")
report_result(
    {
        "1e-4 is text": pyyaml["rate"] == "1e-4",
        "on is true": pyyaml["mode"] is True,
        "the last wins": twice == {"a": 2},
    },
    {"a recipe: a number": ours["rate"] == 1e-4, "text": ours["mode"] == "on", "refused": is_refused("a: 1\na: 2\n")},
    {"PyYAML": pyyaml, "recipe": ours},
    ("PyYAML",),
)
