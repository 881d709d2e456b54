"""What `recipes verify` says of a difference: where, in context, why, and the guard that tells of it."""

from __future__ import annotations

import pytest

pytest.importorskip("tokenizers")

from qwen_recipes.backends import load_backend
from qwen_recipes.data.encoder import build_encoder
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import resolve
from qwen_recipes.verify.report import compare_backend, format_text, to_dict
from qwen_recipes.verify.row_sample import SampledRow

RECIPE = "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {{train: rows.jsonl}}\nchat: {{encoding: {}}}\n"
ROW = {
    "messages": [{"role": role, "content": text} for role, text in (("system", ""), ("user", "q"), ("assistant", "a"))]
}


@pytest.fixture
def found(tmp_path):
    """The outcome for one row with an empty system message, encoded as a row of `theirs` is."""

    def run(backend, theirs, encoding="native"):
        plan = resolve(load_recipe_text(RECIPE.format(encoding), "r.yaml", tmp_path), load_backend(backend))
        encoder = build_encoder(plan, tmp_path)
        ours, other = encoder.encode([ROW, theirs])
        answer = {"row": 0, "input_ids": other.ids, "labels": other.labels}
        return compare_backend(
            load_backend(backend), plan, [SampledRow("rows.jsonl", 7, ROW, ours)], {0: answer}, encoder
        )

    return run


def test_the_same_row_is_the_same(found):
    assert found("ms-swift", ROW).is_identical
    assert format_text(found("ms-swift", ROW)) == ("ms-swift: 1 of 1 rows match (token ids and labels)")


def test_a_known_difference_is_explained(found):
    without = {"messages": ROW["messages"][1:]}
    text = format_text(found("ms-swift", without))
    assert "1 row: the system message is missing" in text
    assert "ignores an empty system message (QR527)" in text
    assert "rows.jsonl:7, token 1" in text
    assert r"expected   <|im_start|> [system] \n <|im_end|>" in text
    assert r"framework  <|im_start|> [user] \n q" in text
    assert to_dict(found("ms-swift", without))["first"]["system"]["guard"] == "QR527"


@pytest.mark.parametrize(("backend", "encoding"), [("axolotl", "native"), ("ms-swift", "exact")])
def test_news_is_told_as_such(found, backend, encoding):
    without = found(backend, {"messages": ROW["messages"][1:]}, encoding)
    assert "unknown difference: please report it" in format_text(without)
    assert to_dict(without)["first"]["system"]["guard"] is None
