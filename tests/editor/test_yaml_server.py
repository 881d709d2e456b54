"""The schema in the real yaml-language-server: diagnostics, completion and hover, as editors show them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qwen_recipes.recipe.field_index import index_fields
from qwen_recipes.recipe.schema import SCHEMA_FILES, build_recipe_schema
from qwen_recipes.recipe.value_descriptions import VALUE_DESCRIPTIONS
from tests.editor.client import LanguageClient
from tests.editor.conftest import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
SHORTEST = "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\n"


@pytest.fixture(params=list(SCHEMA_FILES), scope="module")
def client(request: pytest.FixtureRequest, yaml_server: list[str]) -> Iterator[LanguageClient]:
    schema = (ROOT / "schemas" / SCHEMA_FILES[request.param]).as_uri()
    settings = {
        "schemas": {schema: "*.recipe.yaml"},
        "schemaStore": {"enable": False},
        "validate": True,
        "hover": True,
    }
    with LanguageClient(yaml_server, ROOT / "examples", {"yaml": {**settings, "completion": True}}) as running:
        yield running


def test_a_broken_recipe_is_marked(client: LanguageClient) -> None:
    uri = client.open("broken.recipe.yaml", SHORTEST + "training:\n  learning_rat: 1e-4\n  scheduler: cosin\n")
    found = {problem["range"]["start"]["line"]: problem["message"] for problem in client.wait_for_diagnostics(uri)}
    assert "learning_rat" in found[4]
    assert "constant_with_warmup" in found[5]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_no_problem_and_its_words_are_explained(client: LanguageClient, example: Path) -> None:
    uri = client.open(f"{example.stem}.recipe.yaml", example.read_text("utf-8"))
    assert client.wait_for_diagnostics(uri) == []
    assert any(said in client.hover_text(uri, "\nmodel") for said in ("The model to fine-tune", "Hub id"))
    if "\n  learning_rate" in client.texts[uri]:
        assert index_fields()["training.learning_rate"].description in client.hover_text(uri, "\n  learning_rate")


def test_every_field_of_training_is_offered_with_its_description(client: LanguageClient) -> None:
    uri = client.open("fields.recipe.yaml", SHORTEST + "training:\n  \n")
    offered = client.list_completions(uri, 4, 2)
    for path, field in index_fields().items():
        part, _, name = path.partition(".")
        if part == "training" and "." not in name:
            assert field.description in str(offered[name]["documentation"]), name


def test_every_field_of_the_recipe_is_offered_with_its_description(client: LanguageClient) -> None:
    uri = client.open("top.recipe.yaml", SHORTEST + "\n")
    offered = client.list_completions(uri, 3, 0)
    said = {name: part["description"] for name, part in build_recipe_schema()["properties"].items()}
    assert {name: str(offered[name]["documentation"]) for name in offered if name in said}.keys() >= said.keys() - {
        "version",
        "model",
        "data",
    }
    assert all(said[name] in str(item["documentation"]) for name, item in offered.items() if name in said)


def test_values_are_offered_and_explained(client: LanguageClient) -> None:
    uri = client.open("values.recipe.yaml", SHORTEST + "hardware:\n  strategy: zero3\nmethod: \n")
    said = VALUE_DESCRIPTIONS["hardware.strategy"]["zero3"]
    assert "weights" in said and f"* `zero3`: {said}" in client.hover_text(uri, "zero3")
    offered = client.list_completions(uri, 5, 8)
    assert VALUE_DESCRIPTIONS["method.type"]["qlora"] in str(offered["qlora"]["documentation"])
