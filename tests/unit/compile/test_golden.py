"""Some twenty examples as each framework receives them: tests/golden/<example>/<backend>/. --update writes them.

They differ in objective, strategy, data or model. All examples compile here, and are read by the frameworks' own
parsers in tests/conformance; tests/cells.yaml has the keys that each field changes.
"""

from __future__ import annotations

import shutil

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import load_recipe
from tests.conftest import ALL_BACKENDS, ROOT

GOLDEN = ROOT / "tests/golden"
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
GOLDEN_EXAMPLES = [example for example in EXAMPLES if (GOLDEN / example.stem).is_dir()]
COPIED = {f"rows/{file.name}": file for file in (ROOT / "qwen_recipes/data/rows").glob("*.py")}
COPIED |= {f"rows/{name}": ROOT / "qwen_recipes/filesystem" / name for name in ("regular_file.py", "replace_file.py")}


def compiled(example, backend):
    """File names and texts; where the backend can't be told, what it says instead."""
    try:
        folder = example.parent / "compiled" / example.stem / backend
        return compile_recipe(load_recipe(str(example)), load_backend(backend), folder).files
    except RecipeError as error:
        refused = [f for f in error.findings if f.severity == "error"]
        return {"refused.txt": "".join(f"{f.code}: {f.message}: {f.why}; {f.suggestion}\n" for f in refused)}


def shown(files):
    return {name: text for name, text in files.items() if name not in (*COPIED, "chat_template.jinja")}


@pytest.mark.parametrize("backend", ALL_BACKENDS)
@pytest.mark.parametrize("example", GOLDEN_EXAMPLES, ids=lambda file: file.stem)
def test_golden(example, backend, request):
    folder, files = GOLDEN / example.stem / backend, shown(compiled(example, backend))
    if request.config.getoption("--update"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text, "utf-8", newline="\n")
    expected = {file.name: file.read_bytes().decode("utf-8") for file in folder.glob("*")}
    assert files == expected, "pytest tests/unit/compile/test_golden.py --update writes it anew; read the diff"


def test_nothing_golden_is_left_over():
    stems = {example.stem for example in GOLDEN_EXAMPLES}
    assert len(stems) >= 20
    assert {folder.name for folder in GOLDEN.iterdir()} == stems
    for stem in stems:
        assert {folder.name for folder in (GOLDEN / stem).iterdir()} == set(ALL_BACKENDS)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_compiles_for_its_own_backend(example):
    assert "train.yaml" in compiled(example, load_recipe(str(example)).recipe.run.backend)


def test_every_backend_is_refused_something_and_tells_who_can():
    said = [line for file in GOLDEN.glob("*/*/refused.txt") for line in file.read_text("utf-8").splitlines()]
    assert said
    assert all(line.endswith((" supports it", " support it")) for line in said if line.startswith("backend:"))


def test_copied_files_are_copies():
    files = compiled(EXAMPLES[0], "axolotl")
    for name, file in COPIED.items():
        assert files[name] == file.read_text("utf-8")
    assert "<|im_start|>" in files["chat_template.jinja"]
