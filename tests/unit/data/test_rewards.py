"""Reward functions of a person, called alike by whichever framework."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from qwen_recipes.data.rows.formats import normalize_row
from qwen_recipes.data.rows.messages import BadRowError
from qwen_recipes.data.rows.shapes import SHAPES
from tests.conftest import ROOT, deep_merge, nest_value

USER, ANSWER = {"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}
FUNCTIONS = """\
import beside
def named(completions, answer): return [float(c == str(a)) for c, a in zip(completions, answer)]
def everything(completions, **columns): return [sorted(columns) for _ in completions]
def asks(completions, prompts): return [p[-1]["content"] for p in prompts]
def short(completions): return []
"""


@pytest.fixture
def functions(tmp_path: Path) -> ModuleType:
    """The program as it stands beside a compiled config."""
    (tmp_path / "mine.py").write_text(FUNCTIONS, "utf-8")
    (tmp_path / "beside.py").write_text("", "utf-8")
    file = tmp_path / "out" / "reward_functions.py"
    file.parent.mkdir()
    shutil.copy(ROOT / "qwen_recipes/data/reward_functions.py", file)
    names = ("named", "everything", "asks", "short", "absent")
    listed = [{"path": str(tmp_path / "mine.py"), "function": name} for name in names]
    (file.parent / "rewards.json").write_text(json.dumps({"rewards": listed}), "utf-8")
    spec = importlib.util.spec_from_file_location("reward_functions_under_test", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    for name in ("beside", "rewards_of_mine"):
        sys.modules.pop(name, None)


COLUMNS = [json.dumps({"answer": 4, "level": "easy"}), json.dumps({"answer": 5})]


def test_trl_and_ms_swift_call_it_alike(functions: ModuleType) -> None:
    messages = [[USER], [USER]]
    trl = functions.named(prompts=["x", "x"], completions=["4", "4"], messages=messages, columns=COLUMNS, extra=[1, 2])
    answered = [[USER, ANSWER], [USER, ANSWER]]
    swift = functions.named(["4", "4"], messages=answered, columns=COLUMNS, trainer_state=None)
    assert trl == swift == [1.0, 0.0]


def test_columns_come_by_name_and_prompts_without_the_answer(functions: ModuleType) -> None:
    given: dict[str, Any] = {"messages": [[USER, ANSWER]] * 2, "columns": COLUMNS}
    assert functions.everything(["", ""], **given) == [["answer", "level", "prompts"]] * 2
    assert functions.asks([[ANSWER], [ANSWER]], **given) == ["2 + 2?"] * 2


def test_too_few_rewards_and_absent_functions_are_errors(functions: ModuleType) -> None:
    with pytest.raises(ValueError, match="gave 0 rewards for 1"):
        functions.short(["4"], messages=[[USER]], columns=COLUMNS[:1])
    with pytest.raises(AttributeError, match="absent"):
        functions.absent  # noqa: B018
    with pytest.raises(AttributeError, match="unlisted"):
        functions.unlisted  # noqa: B018


def test_a_prompt_keeps_what_stands_beside_it() -> None:
    row = normalize_row({"question": "2 + 2?", "answer": 4, "system": "Be short."}, "prompt", {"prompt": "question"})
    assert [message["role"] for message in row["prompt"]] == ["system", "user"]
    shaped = SHAPES["prompt"](row, None)  # type: ignore[arg-type]
    assert shaped["messages"] == row["prompt"]
    assert json.loads(shaped["columns"]) == {"question": "2 + 2?", "answer": 4}
    with pytest.raises(BadRowError):
        normalize_row({"prompt": [USER, ANSWER]}, "prompt", {})


REWARD = {"path": "r.py", "function": "right"}
GRPO = {"type": "grpo", "rewards": [REWARD]}
WRONG: dict[str, tuple[dict[str, Any], tuple[Any, ...]]] = {
    "no rewards": ({"objective": "grpo"}, ("objective",)),
    "two of a name": ({"objective": {**GRPO, "rewards": [REWARD, REWARD]}}, ("objective", "rewards", 1, "function")),
    "another's field": ({"objective": {"type": "sft", "generations": 4}}, ("objective", "generations")),
    "beta under sft": ({"objective": {"type": "sft", "beta": 0.1}}, ("objective", "beta")),
    "packed": ({"objective": GRPO, "training": {"packing": True}}, ("training", "packing")),
    "broken groups": ({"objective": GRPO, "training": {"batch_size": 12}}, ("training", "batch_size")),
    "weight without a source": ({"data": {"train": [{"weight": 2.0}]}}, ("data", "train", 0)),
    "rank without its optimizer": (nest_value("training.low_rank.rank", 8), ("training", "low_rank")),
    "galore on an adapter": (nest_value("training.optimizer", "galore_adamw"), ("training", "optimizer")),
    "stages without megatron": (
        {"hardware": {"gpus": 2, "pipeline_parallel": 2}},
        ("hardware", "pipeline_parallel"),
    ),
    "experts that don't divide": (
        {"hardware": {"gpus": 4, "strategy": "megatron", "expert_parallel": 3}},
        ("hardware", "expert_parallel"),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_can_not_be_meant_is_refused_at_its_line(loaded: Any, problems: Any, name: str) -> None:
    from qwen_recipes.backends import load_backend
    from qwen_recipes.resolve import resolve

    recipe, route = WRONG[name]
    found = problems(lambda: resolve(loaded(recipe), load_backend("ms-swift")))
    assert route in {finding.route for finding in found}
    assert all(finding.span.line > 0 for finding in found)


def test_all_at_once(loaded: Any, problems: Any) -> None:
    names = ("another's field", "weight without a source", "stages without megatron")
    recipe: dict[str, Any] = {}
    for name in names:
        recipe = deep_merge(recipe, WRONG[name][0])
    assert {WRONG[name][1] for name in names} <= {finding.route for finding in problems(lambda: loaded(recipe))}
