"""Our definition of a row's ids and labels for a plan: `verify` holds the frameworks against it, `preview` shows it.

The rules stand in `rows/encode.py`, which runs in the frameworks' environments too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from qwen_recipes.backends.plan import Plan
from qwen_recipes.data.plan_template import read_plan_template
from qwen_recipes.data.rows.encode import IGNORE_INDEX, EncodedRow, LossRule, encode_rows
from qwen_recipes.data.rows.messages import Message, Row
from qwen_recipes.data.rows.preferences import EncodedAnswers, encode_answers, list_answers
from qwen_recipes.data.rows.turns import make_examples, strips_earlier_reasoning
from qwen_recipes.filesystem.read_file import parse_json, read_bytes, read_json
from qwen_recipes.qwen.chat_templates import check_characters, render_conversation
from qwen_recipes.qwen.models import ModelFacts, get_model_facts
from qwen_recipes.qwen.tokenizer import classify_tokenizer_content, get_tokenizer_folder
from qwen_recipes.qwen.tokenizer_errors import InvalidTokenizerError, UnsupportedTokenizerError
from qwen_recipes.qwen.tokenizer_steps import find_unsupported_step

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["EncodedRow", "Encoder", "LossRule", "build_encoder"]


class Encoder:
    """Encodes rows in our form: `{"messages"}` with plain roles and text, or `{"text"}`.

    `tokenizer` is a tokenizers.Tokenizer, `template` the chat template's text, or "" where rows are plain text.
    """

    def __init__(self, tokenizer: Tokenizer, template: str, loss_rule: LossRule) -> None:
        self.tokenizer, self.template, self.loss_rule = tokenizer, template, loss_rule

    @cached_property
    def strips_reasoning(self) -> bool:
        """Whether the chat template takes the reasoning out of turns before the last user query."""
        return strips_earlier_reasoning(self._render_messages)

    def make_examples(self, row: Row, turns: str) -> list[Row]:
        """The examples that a row is trained as (`chat.turns`). Raises BadRowError where nothing carries loss."""
        return make_examples(row, turns, self.loss_rule.train_on, lambda: self.strips_reasoning)

    def encode(self, rows: Sequence[Row]) -> list[EncodedRow]:
        """Ids and labels of each row; many rows at once are faster. Raises BadRowError or RenderError."""
        return encode_rows(rows, self._render_messages, self._tokenize_texts, self.loss_rule)

    def encode_preference(self, row: Row) -> EncodedAnswers:
        """Ids of a prompt and its answers, whatever their length. Raises BadRowError or RenderError."""
        answers, thinking = list_answers(row), self.loss_rule.thinking
        return encode_answers(row["prompt"], answers, self._render_messages, self._tokenize_texts, thinking)

    def encode_prompt(self, row: Row) -> EncodedRow:
        """Ids of a prompt that the model answers itself, up to where it does; none in the loss. Raises RenderError."""
        (ids,) = self._tokenize_texts([self._render_messages(row["prompt"], prompt=True)])
        return EncodedRow(ids, [IGNORE_INDEX] * len(ids))

    def decode(self, ids: Sequence[int]) -> str:
        """The text of these ids, control tokens included."""
        text: str = self.tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def _render_messages(self, messages: list[Message], *, prompt: bool = False) -> str:
        return check_characters(render_conversation(self.template, messages, add_generation_prompt=prompt))

    def _tokenize_texts(self, texts: list[str]) -> list[list[int]]:
        return [found.ids for found in self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def build_encoder(plan: Plan, base: Path = Path()) -> Encoder:
    """The encoder of a plan's rows, with the model's own tokenizer where its files are here.

    `base` is the recipe's folder. Needs the extra `tokens`.

    Raises:
        ModuleNotFoundError: tokenizers is not installed.
        OSError: the folder's tokenizer, or the chat template that the recipe names, can't be read.
        InvalidTokenizerError: the folder's tokenizer is broken.
    """
    rule = LossRule(plan.chat.train_on, plan.chat.thinking)
    return Encoder(load_plan_tokenizer(plan, base), read_plan_template(plan, base) if plan.objective.chat else "", rule)


def load_plan_tokenizer(plan: Plan, base: Path = Path()) -> Tokenizer:
    """The plan's tokenizer: the model's own, or the released one. Raises as `build_encoder`."""
    return load_folder_tokenizer(find_tokenizer_folder(get_model_facts(plan.model, base)))


def find_tokenizer_folder(facts: ModelFacts) -> Path:
    """The folder with a model's tokenizer.json: its own, or the released one, built on first use."""
    if facts.folder is not None and (facts.folder / "tokenizer.json").is_file():
        return facts.folder
    return get_tokenizer_folder(facts.variant if facts.variant != "unknown" else "hybrid")


def load_folder_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a model's folder, with the tokens that only its tokenizer_config.json adds.

    The file of the Base models ends at `<|file_sep|>`: `<think>` and three more stand in the config alone. Whole texts
    are encoded, whatever the file says of truncation and padding. Raises OSError, or InvalidTokenizerError.
    """
    file, config = folder / "tokenizer.json", folder / "tokenizer_config.json"
    content = read_bytes(file, "tokenizer")
    if classify_tokenizer_content(content) == "own":
        content = _check_own_tokenizer(file, content)
    tokenizer = _parse_tokenizer(file, content)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    _add_tokens(tokenizer, config)
    return tokenizer


def _check_own_tokenizer(file: Path, content: bytes) -> bytes:
    """The file as it was checked: where a key stands twice, the library might read the other one."""
    try:
        checked = parse_json(content.decode("utf-8"))
        problem = find_unsupported_step(checked)
    except ValueError as error:
        raise InvalidTokenizerError(f"{file} is not a tokenizer: {error}") from None
    if problem:
        raise UnsupportedTokenizerError(
            f"{file} is not a tokenizer of Qwen's kind: {problem}; use the tokenizer of the base model"
        )
    return json.dumps(checked).encode()


def _parse_tokenizer(file: Path, content: bytes) -> Tokenizer:
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_buffer(content)
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as problem:  # Exception itself, or a panic, which is none
        raise InvalidTokenizerError(f"{file} is not a tokenizer: {problem}") from None


def _add_tokens(tokenizer: Tokenizer, config: Path) -> None:
    """Add the tokens that tokenizer_config.json alone names, by their ids."""
    from tokenizers import AddedToken

    try:
        entries = (read_json(config, "config").get("added_tokens_decoder") or {}) if config.is_file() else {}
        missing = [
            entry
            for _, entry in sorted(entries.items(), key=lambda item: int(item[0]))
            if tokenizer.token_to_id(entry["content"]) is None
        ]
        tokenizer.add_tokens([AddedToken(**entry) for entry in missing])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidTokenizerError(
            f"{config}: added_tokens_decoder is not a map from ids to tokens: {error}"
        ) from None
