"""Fixes hold, or are dropped with a reason."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.finding import Finding
from qwen_recipes.guards.base import Fix
from qwen_recipes.guards.fixes import fix_text
from qwen_recipes.guards.lint import lint_text

HEAD = "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\n"


def lint(text):
    return lint_text(text, "r.yaml", Path()).findings


def test_a_safe_fix_is_applied_and_its_comment_stays():
    fixed = fix_text(HEAD + "training:\n  precision: fp16  # why not\n", lint)
    assert fixed.text == HEAD + "training:\n  precision: bf16  # why not\n"
    assert [f.code for f in fixed.applied] == ["QR401"]
    assert not fixed.dropped and lint(fixed.text) == []


def test_an_unsafe_fix_needs_to_be_asked_for():
    text = HEAD + "method: {type: lora, targets: [q_proj]}\n"
    assert fix_text(text, lint).text == text
    assert fix_text(text, lint, unsafe=True).text == HEAD + "method: {type: lora, targets: all-linear}\n"


def with_fix(path, value):
    """A lint that finds one thing in every text, with this fix, until the text holds the value."""

    def found(text):
        if f"{path.rpartition('.')[2]}: {value}" in text:
            return lint(text)
        return [Finding("QR999", "error", "no", ("model",), fix=Fix(((path, value),), safe=True)), *lint(text)]

    return found


def test_a_fix_after_which_the_recipe_does_not_load_is_dropped():
    fixed = fix_text(HEAD, with_fix("training.precision", "fp64"))
    assert fixed.text == HEAD and not fixed.applied
    assert "would be invalid" in fixed.dropped[0][1] and "training.precision" in fixed.dropped[0][1]


def test_a_fix_that_changes_nothing_is_dropped():
    def always(text):
        return [Finding("QR999", "error", "no", ("name",), fix=Fix((("name", "x"),), safe=True))]

    fixed = fix_text(HEAD, always)
    assert fixed.text == HEAD and "does not resolve" in fixed.dropped[0][1]


def test_a_fix_in_a_layout_that_can_not_be_edited_is_dropped():
    text = HEAD.replace("{train: rows.jsonl}", "&d {train: rows.jsonl}") + "name: fine\n"
    fixed = fix_text(
        text.replace("model: Qwen/Qwen3-4B", "model: |  # c\n  Qwen/Qwen3-4B"), with_fix("model", "Qwen/Qwen3-8B")
    )
    assert not fixed.applied and "comment" in fixed.dropped[0][1]
