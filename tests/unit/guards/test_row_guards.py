"""Guards of the data by their cases in tests/guards/rows, and the evidence that their pages name."""

import dataclasses
import json

import pytest
import yaml

pytest.importorskip("tokenizers")

from qwen_recipes.data.rows.row_reader import RawRow
from qwen_recipes.guards import load_guard
from qwen_recipes.guards.rows import FILE_PROBLEM_CODES, RowGuard, load_row_guards
from qwen_recipes.guards.rows.base import RowViolation
from qwen_recipes.guards.rows.row_checker import RowFile
from qwen_recipes.qwen.chat_templates import TEMPLATES, RenderError, read_template, render_conversation
from qwen_recipes.recipe.spec.model_and_data import Format
from tests.conftest import ROOT
from tests.unit.data.tokenizers import TOKENIZER
from tests.unit.guards.row_judges import judge_of

FILES = {f.stem: yaml.safe_load(f.read_text("utf-8")) for f in sorted((ROOT / "tests/guards/rows").glob("*.yaml"))}
CASES = [pytest.param(code, case, id=f"{code}: {case['name']}") for code, f in FILES.items() for case in f["cases"]]
TOGETHER = {"QR514", "QR515", "QR516", "QR532", "QR533", "QR534"}
"""About rows together: tests/unit/cli/test_data_check.py."""


def found(case):
    judge = judge_of(case.get("variant", "hybrid"), case.get("limit"))
    tally, _ = judge.check_part((RawRow(7, case["row"]),), RowFile(0, "rows.jsonl", case.get("format", "messages")))
    return tally


@pytest.mark.parametrize(("code", "case"), CASES)
def test_case(code, case):
    tally = found(case)
    assert tally.violation_counts[code] == (1 if case["expect"] == "fail" else 0)
    for example in tally.examples.get(code, ()):
        assert (example.file, example.line) == ("rows.jsonl", 7)
        assert example.message
        assert "\n" not in example.text


def test_every_guard_that_judges_rows_has_cases_of_both_kinds():
    judging = [guard.code for guard in load_row_guards() if guard.check_row]
    assert list(FILES) == judging
    for file in FILES.values():
        assert {case["expect"] for case in file["cases"]} == {"fail", "pass"}


def test_every_other_guard_is_about_files_or_rows_together():
    assert {guard.code for guard in load_row_guards() if not guard.check_row} == TOGETHER | set(
        FILE_PROBLEM_CODES.values()
    )


@pytest.mark.parametrize("guard", load_row_guards(), ids=lambda guard: guard.code)
def test_a_page_says_what_to_do_and_belongs_to_the_data(guard):
    assert isinstance(guard, RowGuard)
    assert guard.suggestion
    assert guard.checked_by == "data check"


@pytest.mark.parametrize("code", FILES)
def test_the_cases_tell_a_dead_guard_and_a_mad_one(code, monkeypatch):
    """Mutation: with the check replaced by `never` or `always`, some case must come out wrong."""
    guard = load_guard(code)

    def right(check):
        judge = judge_of("hybrid", None)
        told = dataclasses.replace(guard, check_row=check)
        outcomes = []
        for case in FILES[code]["cases"]:
            judge = judge_of(case.get("variant", "hybrid"), case.get("limit"))
            with monkeypatch.context() as patch:
                patch.setattr(judge, "guards", [told if g.code == code else g for g in judge.guards])
                if code == "QR520":
                    patch.setattr(judge, "layout", told)
                outcomes.append((found(case).violation_counts[code] > 0) == (case["expect"] == "fail"))
        return all(outcomes)

    assert right(guard.check_row)
    assert not right(lambda facts: iter(()))
    if code != "QR520":  # asked only where no other guard explains the row
        assert not right(lambda facts: iter([RowViolation("x")]))


def test_the_layouts_are_the_recipes():
    from typing import get_args

    from qwen_recipes.data.detect_format import ROW_FORMATS

    assert get_args(Format) == ROW_FORMATS


@pytest.mark.parametrize("variant", TEMPLATES)
def test_evidence_unknown_roles_render_as_nothing(variant):
    messages = [{"role": "human", "content": "q"}, {"role": "gpt", "content": "a"}]
    assert render_conversation(read_template(variant), messages) == ""


def test_evidence_content_that_is_a_list():
    parts = [{"role": "user", "content": [{"type": "text", "text": "lost"}]}, {"role": "assistant", "content": "a"}]
    for variant in ("hybrid", "instruct-2507", "thinking-2507"):
        assert "lost" not in render_conversation(read_template(variant), parts)
    with pytest.raises(RenderError):
        render_conversation(read_template("base"), parts)
    with pytest.raises(RenderError):
        render_conversation(read_template("hybrid"), [{"role": "system", "content": parts[0]["content"]}, *parts])


@pytest.mark.parametrize(
    ("content", "becomes"),
    [
        ("<think>r", "<think>\n\n</think>\n\n<think>r"),
        ("the tag </think> ends it", "<think>\nthe tag \n</think>\n\n ends it"),
        ("<think>x</think>y<think>z</think>w", "<think>\nx\n</think>\n\nw"),
        ("well <think>r</think>a", "<think>\nr\n</think>\n\na"),
    ],
)
def test_evidence_think_tags_that_do_not_pair(content, becomes):
    text = render_conversation(
        read_template("hybrid"), [{"role": "user", "content": "q"}, {"role": "assistant", "content": content}]
    )
    assert text.endswith(f"<|im_start|>assistant\n{becomes}<|im_end|>\n")


def test_evidence_token_ids():
    assert 151645 in TOKENIZER.encode("say <|im_end|> now", add_special_tokens=False).ids
    assert TOKENIZER.encode("\n\n").ids == [271]
    assert TOKENIZER.encode("\n").ids == [198]


def test_evidence_arguments_that_are_text_are_written_as_they_are():
    for text in ("{city: Oslo}", '{"city": "\\u5317"}'):
        call = {"function": {"name": "f", "arguments": text}}
        messages = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "", "tool_calls": [call]}]
        assert text in render_conversation(read_template("hybrid"), messages)


def test_evidence_an_empty_answer_trains_one_token():
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": ""}]}
    assert found({"row": row, "expect": "fail", "variant": "instruct-2507"}).lengths.loss_tokens == 1


@pytest.mark.parametrize("variant", TEMPLATES)
def test_evidence_an_empty_system_message_is_a_turn_of_five_tokens(variant):
    asked = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    text = read_template(variant)
    written = render_conversation(text, [{"role": "system", "content": ""}, *asked]).removesuffix(
        render_conversation(text, asked)
    )
    assert written == "<|im_start|>system\n<|im_end|>\n"
    assert len(TOKENIZER.encode(written, add_special_tokens=False).ids) == 5


def test_a_lone_surrogate_is_a_finding_and_no_crash():
    row = json.loads(r'{"messages": [{"role": "user", "content": "\ud800"}, {"role": "assistant", "content": "a"}]}')
    tally = found({"row": row, "expect": "fail"})
    assert tally.violation_counts["QR523"] == 1


def test_one_answer_of_all_labelled_examples_is_no_list_of_answers():
    from qwen_recipes.guards.rows.answer_counts import AnswerCounts

    counts = AnswerCounts()
    for _ in range(12):
        counts.add_answer("Yes.", 9, labelled=True)
    assert [why for _, _, why, _ in counts.find_problems()] == ["12 of 12 labelled examples have the same answer"]
