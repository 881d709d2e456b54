"""LLaMA-Factory keeps one token of a pack free: rows are truncated to what is left, not once more by the framework."""

from __future__ import annotations

import json

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.verify.row_sample import count_longest_example

RECIPE = """\
version: 1
model: Qwen/Qwen3-0.6B
data: {{train: rows.jsonl}}
training: {{packing: {packing}, sequence_length: 128, overlong: truncate}}
hardware: {{device: cpu}}
"""


@pytest.mark.parametrize(
    ("backend", "packing", "longest"),
    [("llamafactory", "true", 127), ("llamafactory", "false", 128), ("axolotl", "true", 128)],
)
def test_rows_are_as_long_as_an_example_may_be(tmp_path, backend, packing, longest):
    loaded = load_recipe_text(RECIPE.format(packing=packing), "r.yaml", tmp_path)
    made = compile_recipe(loaded, load_backend(backend), tmp_path / "out")
    assert json.loads(made.files["rows.json"])["sequence_length"] == longest
    assert count_longest_example(made.plan) == longest


OWN = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
NATIVE = """\
version: 1
model: Qwen/Qwen3-0.6B-Base
data: {{train: rows.jsonl}}
chat: {{template: {template}, encoding: native}}
training: {{packing: true, sequence_length: 128, pack_length: {pack}, overlong: {overlong}}}
hardware: {{device: cpu}}
"""


@pytest.mark.parametrize(("backend", "template"), [("axolotl", "own.jinja"), ("llamafactory", "base")])
@pytest.mark.parametrize(
    ("pack", "overlong", "refused"), [(512, "truncate", True), (128, "truncate", False), (512, "drop", False)]
)
def test_what_the_framework_would_cut_at_the_end_of_a_pack_is_refused(
    tmp_path, problems, backend, template, pack, overlong, refused
):
    """It renders these rows itself, and knows one length."""
    (tmp_path / "own.jinja").write_text(OWN, "utf-8")
    text = NATIVE.format(template=template, pack=pack, overlong=overlong)
    loaded = load_recipe_text(text, "r.yaml", tmp_path)
    if not refused:
        compile_recipe(loaded, load_backend(backend), tmp_path / "out")
        return
    found = problems(compile_recipe, loaded, load_backend(backend), tmp_path / "out")
    assert any("at pack_length instead of sequence_length" in one.why for one in found)
