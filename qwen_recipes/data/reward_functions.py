"""A recipe's reward functions under one signature, whichever framework calls them.

Copied beside the compiled config as `reward_functions.py`, with `rewards.json`, and imported by the framework; stands
alone, since qwen-recipes is not there. A function is called as `function(completions, prompts, **columns)`:
`completions` are texts, `prompts` lists of messages, and each other column of the rows is a list as long; of columns
it is given those that it names, or all where it takes `**`. It returns a number for each completion, or None for one
that it does not judge.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Score = Callable[..., list[Any]]


@functools.cache
def _read_reward_files() -> dict[str, str]:
    """The file of each function, by the function's name."""
    rewards = json.loads(Path(__file__).with_name("rewards.json").read_text("utf-8"))["rewards"]
    return {reward["function"]: reward["path"] for reward in rewards}


@functools.cache
def _import_file(path: str) -> object:
    """The person's file, imported once; modules beside it can be imported from it."""
    file = Path(path).resolve()
    if not file.is_file():
        raise FileNotFoundError(f"the file with the reward functions does not exist: {file}")
    sys.path.append(str(file.parent))
    spec = importlib.util.spec_from_file_location(f"rewards_of_{file.stem}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@functools.cache
def load_reward(name: str) -> Score:
    """The function of this name, as a framework calls it. Raises AttributeError where its file has none."""
    function = getattr(_import_file(_read_reward_files()[name]), name)
    parameters = inspect.signature(function).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())

    def score(completions: list[Any], prompts: Any = None, **columns_and_rows: Any) -> list[Any]:
        columns = {
            "prompts": [_strip_answer(messages) for messages in columns_and_rows["messages"]],
            **_collect_columns(columns_and_rows["columns"]),
        }
        wanted = columns if takes_all else {key: value for key, value in columns.items() if key in parameters}
        scores = list(function(completions=[_completion_text(completion) for completion in completions], **wanted))
        if len(scores) != len(completions):
            raise ValueError(f"`{name}` gave {len(scores)} rewards for {len(completions)} completions")
        return scores

    score.__name__ = name
    return score


def _completion_text(completion: Any) -> str:
    return completion if isinstance(completion, str) else str(completion[-1]["content"])


def _strip_answer(messages: list[dict[str, object]]) -> list[dict[str, Any]]:
    """The prompt's messages, without the answer that ms-swift puts behind them."""
    return messages[:-1] if messages[-1]["role"] == "assistant" else messages


def _collect_columns(rows: list[str]) -> dict[str, list[object]]:
    """Columns by name from each row's own, None where a row has none."""
    read = [json.loads(row) for row in rows]
    return {name: [row.get(name) for row in read] for name in dict.fromkeys(key for row in read for key in row)}


def __getattr__(name: str) -> Any:
    """Axolotl looks for a function of the module."""
    if name.startswith("_") or name not in _read_reward_files():
        raise AttributeError(name)
    return load_reward(name)


if __name__.startswith("_swift_external"):
    from swift.rewards import orms

    for _name in _read_reward_files():
        orms[_name] = lambda args=None, _name=_name: load_reward(_name)
