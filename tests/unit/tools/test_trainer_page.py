"""The page of what was seen at the trainers says neither more nor less than the results."""

from __future__ import annotations

import json

import pytest

from qwen_recipes.compile.support_matrix import SupportCell
from qwen_recipes.verify.trainer_comparison import TrainerCheck
from qwen_recipes.verify.trainer_comparison.leaves import LEAVES
from tests.conformance.trainer_results import summarize_checks, write_cell
from tools import trainer_page

CHECKS = [
    TrainerCheck("method.rank", [4], [4], "ok", "shapes"),
    TrainerCheck("method.dropout", [0.1], [0.0], "differs", "modules"),
    TrainerCheck("training.overlong", "drop", None, "not seen", "no row is too long"),
]


@pytest.fixture
def results(tmp_path, monkeypatch):
    file = tmp_path / "results.json"
    monkeypatch.setattr(trainer_page, "RESULTS", file)
    monkeypatch.setattr(trainer_page, "REFUSALS", tmp_path / "refusals.json")
    refused = SupportCell("objective.kl_weight", "axolotl", "unsupported", why="it has no divergence")
    monkeypatch.setattr(trainer_page, "load_support_cells", lambda: {(refused.field, refused.backend): refused})
    return file


def find_line(page, start):
    return next(line for line in page.splitlines() if line.startswith(start))


def test_a_field_is_seen_differs_or_is_not_seen(results):
    write_cell(results, "one", "axolotl", summarize_checks(CHECKS))
    write_cell(results, "two", "axolotl", summarize_checks(CHECKS[:1]))
    write_cell(results, "three", "axolotl", {"outcome": "refused", "why": "QR101"})
    page = trainer_page.render_page()
    assert "| seen (2) | not seen: no recipe was observed |" in find_line(page, "| `method.rank`")
    assert "**differs (1 of 1)**" in find_line(page, "| `method.dropout`")
    assert "not seen: no row is too long" in find_line(page, "| `training.overlong`")
    assert "| `method.dropout` | axolotl | `[0.1]` | `[0.0]` | one |" in page
    assert "| 2 | 1 | 0 | 0 |" in find_line(page, "| Axolotl")


def test_without_results_nothing_is_said_to_be_seen(results):
    page = trainer_page.render_page()
    assert "seen (" not in page.partition("## Fields")[2].partition("## On a GPU")[0]
    assert all(f"| `{field}` |" in page for field in LEAVES)


def test_what_is_refused_says_why(results):
    line = find_line(trainer_page.render_page(), "| `objective.kl_weight`")
    assert "refused: it has no divergence" in line


def test_refusals_are_shown_with_what_the_trainer_did(results):
    stopped = {"field": "training.neftune", "error": "AttributeError: no | embeddings"}
    other = {"field": "method.dropout", "differs": "method.dropout", "planned": [0.1], "seen": [0.0]}
    write_cell(trainer_page.REFUSALS, "reward", "llamafactory", stopped)
    write_cell(trainer_page.REFUSALS, "dpo", "llamafactory", other)
    page = trainer_page.render_page()
    assert "| llamafactory | `training.neftune` | ends with `AttributeError: no \\| embeddings` | 0.9.5 |" in page
    assert "| `method.dropout` | `method.dropout`: planned `[0.1]`, seen `[0.0]` | 0.9.5 |" in page


def test_long_values_are_cut_and_the_file_stays_json(results):
    checks = [TrainerCheck("chat.template", "x" * 5000, {"a": object()}, "differs", "why")]
    write_cell(results, "long", "ms-swift", summarize_checks(checks))
    found = json.loads(results.read_text("utf-8"))["long"]["ms-swift"]["differs"]["chat.template"]
    assert len(found["planned"]) <= 300
