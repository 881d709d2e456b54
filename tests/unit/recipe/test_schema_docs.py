"""Both drafts come from the same models, and every value of a closed choice is explained in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft7Validator, Draft202012Validator

from qwen_recipes.cli import main
from qwen_recipes.recipe.schema import SCHEMA_FILES, Draft, build_recipe_schema
from qwen_recipes.yaml_text.nodes import plain_data
from qwen_recipes.yaml_text.reader import read_yaml

ROOT = Path(__file__).parents[3]
NEWER_THAN_DRAFT_07 = {
    "$anchor",
    "$defs",
    "$dynamicAnchor",
    "$dynamicRef",
    "$recursiveRef",
    "$vocabulary",
    "dependentRequired",
    "dependentSchemas",
    "maxContains",
    "minContains",
    "prefixItems",
    "unevaluatedItems",
    "unevaluatedProperties",
}
BAD = [
    {"training": {"learning_rat": 1}},
    {"training": {"scheduler": "cosin"}},
    {"training": {"steps": 0}},
    {"method": "loar"},
    {"method": {"type": "lora", "rank": 0}},
    {"data": {"train": []}},
    {"allow": {"QR1": "because"}},
    {"version": 2},
    {"nothing": 1},
]


def maps(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from maps(inner)


@pytest.mark.parametrize("draft", SCHEMA_FILES)
def test_every_value_of_a_closed_choice_is_explained(draft: Draft) -> None:
    for node in maps(build_recipe_schema(draft)):
        if isinstance(node.get("enum"), list):
            assert len(node.get("enumDescriptions", [])) == len(node["enum"]), node
            assert all(node["enumDescriptions"]), f"value_descriptions.py lacks one of {node['enum']}"


def test_draft_07_holds_nothing_newer() -> None:
    schema = build_recipe_schema("draft-07")
    Draft7Validator.check_schema(schema)
    for node in maps(schema):
        assert not NEWER_THAN_DRAFT_07 & node.keys()
        assert "$ref" not in node or len(node) == 1, "draft-07 overlooks what stands beside $ref"
        assert not any(str(key).startswith("x-") for key in node)


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_both_drafts_take_the_examples(file: Path) -> None:
    data = plain_data(read_yaml(file.read_bytes(), str(file)).root)
    Draft7Validator(build_recipe_schema("draft-07")).validate(data)
    Draft202012Validator(build_recipe_schema()).validate(data)


@pytest.mark.parametrize("change", BAD, ids=str)
def test_both_drafts_refuse_the_same(change: dict[str, Any]) -> None:
    data = {"version": 1, "model": "Qwen/Qwen3-4B", "data": {"train": "rows.jsonl"}, **change}
    assert not Draft7Validator(build_recipe_schema("draft-07")).is_valid(data)
    assert not Draft202012Validator(build_recipe_schema()).is_valid(data)


def test_the_command_prints_the_committed_file() -> None:
    for draft, file in SCHEMA_FILES.items():
        printed = CliRunner().invoke(main, ["schema", "--draft", draft]).stdout
        assert yaml.safe_load(printed) == yaml.safe_load((ROOT / "schemas" / file).read_text("utf-8"))
