"""Guards of the data by their cases in tests/guards/rows, and the evidence that their pages name."""

import dataclasses
import json

import pytest
import yaml

pytest.importorskip("tokenizers")

from qwen_recipes.data.reading import Record
from qwen_recipes.data.texts import Template
from qwen_recipes.guards import guard_named
from qwen_recipes.guards.rows import TROUBLES, RowGuard, row_guards
from qwen_recipes.guards.rows.base import RowHit
from qwen_recipes.guards.rows.judge import Judge, Rows, Rules
from qwen_recipes.qwen.chat_templates import TEMPLATES, RenderError, render, template_text
from qwen_recipes.qwen.models import model_facts
from qwen_recipes.recipe.spec.source import Format
from tests.conftest import ROOT
from tests.unit.test_data_words import TOKENIZER

FILES = {f.stem: yaml.safe_load(f.read_text("utf-8")) for f in sorted((ROOT / "tests/guards/rows").glob("*.yaml"))}
CASES = [pytest.param(code, case, id=f"{code}: {case['name']}") for code, f in FILES.items() for case in f["cases"]]
TOGETHER = {"QR514", "QR515", "QR516"}
"""About rows together: tests/unit/test_data_check.py."""
MODELS = {
    "hybrid": "Qwen/Qwen3-4B",
    "instruct-2507": "Qwen/Qwen3-4B-Instruct-2507",
    "thinking-2507": "Qwen/Qwen3-4B-Thinking-2507",
}
JUDGES = {}


def judge_of(variant, limit):
    if (variant, limit) not in JUDGES:
        JUDGES[variant, limit] = Judge(Rules(model_facts(MODELS[variant]), Template(variant), limit=limit))
    return JUDGES[variant, limit]


def found(case):
    judge = judge_of(case.get("variant", "hybrid"), case.get("limit"))
    tally, _ = judge.part((Record(7, case["row"]),), Rows(0, "rows.jsonl", case.get("format", "messages")))
    return tally


@pytest.mark.parametrize(("code", "case"), CASES)
def test_case(code, case):
    tally = found(case)
    assert tally.found[code] == (1 if case["expect"] == "fail" else 0)
    for example in tally.examples.get(code, ()):
        assert (example.file, example.line) == ("rows.jsonl", 7)
        assert example.message
        assert "\n" not in example.text


def test_every_guard_that_judges_rows_has_cases_of_both_kinds():
    judging = [guard.code for guard in row_guards() if guard.row]
    assert list(FILES) == judging
    for file in FILES.values():
        assert {case["expect"] for case in file["cases"]} == {"fail", "pass"}


def test_every_other_guard_is_about_files_or_rows_together():
    assert {guard.code for guard in row_guards() if not guard.row} == TOGETHER | set(TROUBLES.values())


@pytest.mark.parametrize("guard", row_guards(), ids=lambda guard: guard.code)
def test_a_page_says_what_to_do_and_belongs_to_the_data(guard):
    assert isinstance(guard, RowGuard)
    assert guard.instead
    assert guard.comes_with == "data check"


@pytest.mark.parametrize("code", FILES)
def test_the_cases_tell_a_dead_guard_and_a_mad_one(code, monkeypatch):
    """Mutation: with the check replaced by `never` or `always`, some case must come out wrong."""
    guard = guard_named(code)

    def right(check):
        judge = judge_of("hybrid", None)
        told = dataclasses.replace(guard, row=check)
        outcomes = []
        for case in FILES[code]["cases"]:
            judge = judge_of(case.get("variant", "hybrid"), case.get("limit"))
            with monkeypatch.context() as patch:
                patch.setattr(judge, "guards", [told if g.code == code else g for g in judge.guards])
                if code == "QR520":
                    patch.setattr(judge, "layout", told)
                outcomes.append((found(case).found[code] > 0) == (case["expect"] == "fail"))
        return all(outcomes)

    assert right(guard.row)
    assert not right(lambda facts: iter(()))
    if code != "QR520":  # asked only where no other guard explains the row
        assert not right(lambda facts: iter([RowHit("x")]))


def test_the_layouts_are_the_recipes():
    from typing import get_args

    from qwen_recipes.data.layouts import ALL_LAYOUTS

    assert get_args(Format) == ALL_LAYOUTS


@pytest.mark.parametrize("variant", TEMPLATES)
def test_evidence_unknown_roles_render_as_nothing(variant):
    messages = [{"role": "human", "content": "q"}, {"role": "gpt", "content": "a"}]
    assert render(template_text(variant), messages) == ""


def test_evidence_content_that_is_a_list():
    parts = [{"role": "user", "content": [{"type": "text", "text": "lost"}]}, {"role": "assistant", "content": "a"}]
    for variant in ("hybrid", "instruct-2507", "thinking-2507"):
        assert "lost" not in render(template_text(variant), parts)
    with pytest.raises(RenderError):
        render(template_text("base"), parts)
    with pytest.raises(RenderError):
        render(template_text("hybrid"), [{"role": "system", "content": parts[0]["content"]}, *parts])


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
    text = render(
        template_text("hybrid"), [{"role": "user", "content": "q"}, {"role": "assistant", "content": content}]
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
        assert text in render(template_text("hybrid"), messages)


def test_evidence_an_empty_answer_trains_one_token():
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": ""}]}
    assert found({"row": row, "expect": "fail", "variant": "instruct-2507"}).lengths.trained == 1


@pytest.mark.parametrize("variant", TEMPLATES)
def test_evidence_an_empty_system_message_is_a_turn_of_five_tokens(variant):
    asked = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    text = template_text(variant)
    written = render(text, [{"role": "system", "content": ""}, *asked]).removesuffix(render(text, asked))
    assert written == "<|im_start|>system\n<|im_end|>\n"
    assert len(TOKENIZER.encode(written, add_special_tokens=False).ids) == 5


def test_a_lone_surrogate_is_a_finding_and_no_crash():
    row = json.loads(r'{"messages": [{"role": "user", "content": "\ud800"}, {"role": "assistant", "content": "a"}]}')
    tally = found({"row": row, "expect": "fail"})
    assert tally.found["QR523"] == 1
