"""A conversation as the text that the model sees: the official templates in Python, for the form that rows are given.

Rows have roles system, user and assistant, and text for content (see `rows.messages`). For these the functions here
give what the official Jinja templates give, byte for byte, twenty times as fast; any other template is rendered by
Jinja. `tests/unit/data/test_chat_rendering.py` compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from qwen_recipes.data.rows.messages import Message, Row
from qwen_recipes.data.rows.tool_styles import TOOL_STYLES
from qwen_recipes.data.rows.turns import make_examples, strips_earlier_reasoning
from qwen_recipes.qwen.coder import is_coder_template

THINKING_VARIANTS = ("hybrid", "base", "thinking-2507")
"""Templates that write a think block."""

Render = Callable[[Sequence[Message]], str]


@dataclass(frozen=True)
class TemplateRenderer:
    """A chat template: an official one by its variant, or another by its text."""

    variant: str
    text: str = ""

    @cached_property
    def render(self) -> Render:
        """Conversation to text. Raises RenderError for a template that is not official."""
        if self.text:
            return render_plain if is_coder_template(self.text) else self._render_with_jinja
        return render_thinking if self.variant in THINKING_VARIANTS else render_plain

    @cached_property
    def tool_style(self) -> str:
        """How it writes tools, by the name in `rows.tool_styles`."""
        from qwen_recipes.data.tool_style import find_tool_style

        return find_tool_style(self.text) if self.text else "json"

    @property
    def reasons(self) -> bool:
        """Whether models with this template may think: Instruct-2507 and Coder do not."""
        return self.variant != "instruct-2507" and TOOL_STYLES[self.tool_style].reasons

    @cached_property
    def strips_reasoning(self) -> bool:
        """Whether it takes the reasoning out of turns before the last user query."""
        return strips_earlier_reasoning(self.render)

    def make_examples(self, row: Row, turns: str, train_on: str) -> list[Row]:
        """The examples that a row is trained as (`chat.turns`). Raises BadRowError where nothing carries loss."""
        return make_examples(row, turns, train_on, lambda: self.strips_reasoning)

    def render_row(self, row: Row) -> list[str]:
        """Every text that a row in our form is trained as: one, or one for each answer of a pair."""
        if "text" in row:
            return [row["text"]]
        if "columns" in row:
            return [self.render(row["prompt"]) + "<|im_start|>assistant\n"]
        return [self.render(talk) for talk in build_conversations(row)]

    def _render_with_jinja(self, messages: Sequence[Message]) -> str:
        from qwen_recipes.qwen.chat_templates import render_conversation

        return render_conversation(self.text, messages)


def build_conversations(row: Row) -> list[list[Message]]:
    """The conversations of a row that has answers: one, or one for each answer of a pair."""
    if "messages" in row:
        return [row["messages"]]
    answers = [row[name] for name in ("chosen", "rejected", "completion") if name in row]
    return [[*row["prompt"], {"role": "assistant", "content": answer}] for answer in answers]


def render_plain(messages: Sequence[Message]) -> str:
    """As the templates of Instruct-2507 and Qwen3-Coder: every turn as it is."""
    return "".join([f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages])


def render_thinking(messages: Sequence[Message]) -> str:
    """As the templates of hybrid, Base and Thinking-2507: reasoning only after the last question."""
    asked, last = find_last_question(messages), len(messages) - 1
    said = []
    for index, message in enumerate(messages):
        role, content = message["role"], message["content"]
        if role == "assistant":
            content = _render_answer(content, index > asked, index == last)
        said.append(f"<|im_start|>{role}\n{content}<|im_end|>\n")
    return "".join(said)


def find_last_question(messages: Sequence[Message]) -> int:
    """The place of the last user message that is no tool's result; the last message's where there is none."""
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        content = message["content"]
        if message["role"] == "user" and not (
            content.startswith("<tool_response>") and content.endswith("</tool_response>")
        ):
            return index
    return len(messages) - 1


def _render_answer(content: str, current: bool, last: bool) -> str:
    reasoning = ""
    if "</think>" in content:
        before, *_, content = content.split("</think>")
        reasoning = before.rstrip("\n").split("<think>")[-1].lstrip("\n")
        content = content.lstrip("\n")
    if current and (last or reasoning):
        return "<think>\n" + reasoning.strip("\n") + "\n</think>\n\n" + content.lstrip("\n")
    return content
