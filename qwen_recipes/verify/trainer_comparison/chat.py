"""Conversations: the template, the tokens that end and pad, and which tokens carry loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qwen_recipes.data.plan_template import read_plan_template
from qwen_recipes.verify.trainer_comparison.check import Case, Leaf, NotSeen, Seen, SeenLeaf, UnseenLeaf
from qwen_recipes.verify.trainer_comparison.data import look_at_rows

TOKEN_IDS = {"<|endoftext|>": 151_643, "<|im_start|>": 151_644, "<|im_end|>": 151_645}
SHOWN = 60
"""Characters of a chat template that a difference shows."""


def look_at_tokens(kind: str, planned: Callable[[Case], str]) -> Callable[[Case], Seen | NotSeen]:
    """A look at the end or padding token as model, generation config and tokenizer know it."""

    def look(case: Case) -> Seen | NotSeen:
        tokens, token = case.section("tokens"), planned(case)
        if kind == "eos" and case.plan.objective.type == "pretrain" and case.plan.chat.exact:
            return NotSeen("the rows end with it, and the tokenizer keeps its own; ids are seen at data.train")
        if token not in TOKEN_IDS:
            return NotSeen(f"the id of {token} is the tokenizer's own")
        number = TOKEN_IDS[token]
        want = {"tokenizer": token, "config": number, "generation_config": number}
        seen = _read_tokens(tokens, kind, number)
        if case.plan.objective.type == "reward":  # a model that scores generates nothing
            want["generation_config"] = seen["generation_config"]
        return Seen(want, seen)

    return look


def _read_tokens(tokens: dict[str, Any], kind: str, number: int) -> dict[str, Any]:
    generation = tokens["generation_config"][f"{kind}_token_id"]
    if isinstance(generation, list):
        generation = number if number in generation else generation
    return {
        "tokenizer": tokens["tokenizer"][f"{kind}_token"],
        "config": tokens["config"][f"{kind}_token_id"],
        "generation_config": generation,
    }


def look_at_template(case: Case) -> Seen | NotSeen:
    """The tokenizer's chat template, which is saved with what is trained."""
    if not case.plan.objective.chat:
        return NotSeen("plain text needs no chat template")
    if reason := case.explain_unseen("chat.template"):
        return NotSeen(reason)
    planned = _read_template(case)
    if isinstance(planned, NotSeen):
        return planned
    seen = case.section("tokens")["chat_template"]
    return Seen(_shorten(planned, seen), _shorten(seen, planned))


def _read_template(case: Case) -> str | NotSeen:
    try:
        return read_plan_template(case.plan, case.folder).rstrip("\n")
    except OSError as error:
        return NotSeen(f"the recipe's template can't be read: {error}")


def _shorten(text: str | None, other: str | None) -> str | None:
    """The text from where it parts from the other, or its beginning."""
    if text is None:
        return None
    one, two = text.rstrip("\n"), (other or "").rstrip("\n")
    same = next((place for place, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    start = 0 if one == two else same
    return f"{len(one)} characters, at {start}: {one[start : start + SHOWN]}"


ROWS = "ids and labels of the first two batches"
CHAT: dict[str, Leaf] = {
    "chat.template": SeenLeaf("the tokenizer's chat template", look_at_template),
    "chat.official": UnseenLeaf("it only says where `chat.template` is read from", "tests/unit/resolve"),
    "chat.train_on": SeenLeaf(ROWS, look_at_rows),
    "chat.thinking": SeenLeaf(ROWS, look_at_rows),
    "chat.turns": SeenLeaf(ROWS, look_at_rows),
    "chat.eos": SeenLeaf(
        "end token of tokenizer, model and generation config", look_at_tokens("eos", lambda case: case.plan.chat.eos)
    ),
    "chat.pad": SeenLeaf(
        "padding token of tokenizer, model and generation config",
        look_at_tokens("pad", lambda case: case.plan.chat.pad),
    ),
    "chat.encoding": UnseenLeaf(
        "both ways bring the same ids and labels to the trainer; the batches show that", "tests/conformance/test_tokens"
    ),
}
