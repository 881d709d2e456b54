"""Completions with scores as pairs: the best against the worst."""

from __future__ import annotations

import pytest

from qwen_recipes.data.rows.formats import normalize_row
from qwen_recipes.data.rows.layouts import detect_format
from qwen_recipes.data.rows.messages import BadRowError

PAIR = {"prompt": [{"role": "user", "content": "q"}], "chosen": "good", "rejected": "bad"}


def make_row(*completions):
    return {"instruction": "q", "completions": list(completions)}


def rate(*ratings):
    return {f"aspect {number}": {"Rating": rating} for number, rating in enumerate(ratings)}


@pytest.mark.parametrize(
    "row",
    [
        make_row({"response": "bad", "overall_score": 2}, {"response": "good", "overall_score": "9.5"}),
        make_row({"response": "good", "fine-grained_score": 4.5}, {"response": "bad", "fine-grained_score": 1.0}),
        make_row({"response": "good", "annotations": rate("5", "N/A")}, {"response": "bad", "annotations": rate(1, 2)}),
        make_row(
            {"response": "bad", "annotations": {"truth": [{"Rating": "1"}, {"Rating": "2"}]}},
            {"response": "good", "annotations": {"truth": [{"Rating": "4"}]}},
        ),
        make_row(
            {"response": "bad", "overall_score": None, "fine-grained_score": 1},
            {"response": "fair", "overall_score": 5.0},
            {"response": "good", "overall_score": 8.0},
        ),
    ],
)
def test_the_best_is_chosen_and_the_worst_rejected(row):
    assert detect_format(row) == "preference"
    assert normalize_row(row, "preference", {}) == PAIR


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (make_row({"response": "a", "overall_score": 5}), "1 completions: a pair needs two"),
        (
            make_row({"response": "a", "overall_score": 5}, {"response": "b", "overall_score": 5}),
            "have the score 5: none",
        ),
        (
            make_row({"response": "a", "overall_score": 5}, {"response": "b"}),
            r"no score in `completions.1`: one of overall",
        ),
        (make_row({"response": "a", "overall_score": 5}, {"overall_score": 6}), r"no text in `completions.1`.response"),
        (make_row({"response": "a", "overall_score": "inf"}, {"response": "b", "overall_score": 1}), "no score in"),
        (make_row({"response": "a", "overall_score": 5}, "b"), r"no text in `completions.1`"),
        (make_row({"response": "a", "score": 5}, {"response": "a", "score": 1}), "chosen and rejected are the same"),
    ],
)
def test_rows_without_a_pair_say_why(row, reason):
    with pytest.raises(BadRowError, match=reason):
        normalize_row(row, "preference", {})


def test_completions_of_another_name_are_given_by_columns():
    row = {"question": "q", "answers": [{"response": "good", "score": 2}, {"response": "bad", "score": 1}]}
    assert normalize_row(row, "preference", {"instruction": "question", "completions": "answers"}) == PAIR
