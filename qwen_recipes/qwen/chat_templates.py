"""The four official chat templates of Qwen3, and how a conversation is rendered with one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.qwen.facts import Variant
from qwen_recipes.qwen.template_hash import hash_template

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES_FOLDER = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class ChatTemplate:
    """One official template: its file in `templates/` and the SHA-256 of that file."""

    variant: Variant
    file: str
    sha256: str


_OFFICIAL_TEMPLATES = (
    ChatTemplate("hybrid", "hybrid.jinja", "a55ee1b1660128b7098723e0abcd92caa0788061051c62d51cbe87d9cf1974d8"),
    ChatTemplate("base", "base.jinja", "87a2728cb8dc9fe424d624542f6060ec05a1d285ebbec578bb078900e33396b5"),
    ChatTemplate(
        "instruct-2507", "instruct-2507.jinja", "64f85b198065d0fba2a81f37e10ed68161ce2c19a754c7100e67e0ca2ee9c326"
    ),
    ChatTemplate(
        "thinking-2507", "thinking-2507.jinja", "3802169b2a02b81e6adb7ab4f64f91ff02db753c8c3a64a01c35192d3a61d8d7"
    ),
)
TEMPLATES: dict[str, ChatTemplate] = {template.variant: template for template in _OFFICIAL_TEMPLATES}
"""By variant. `base` is also the template of the first hybrid revisions, April 2025."""


_TRIAL = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello!"}]


class RenderError(QwenRecipesError, ValueError):
    """A conversation that a template can't render, or a template that is broken; the message is the template's."""


def get_template_path(variant: str) -> Path:
    """Where the official template of this variant lies.

    Raises:
        KeyError: a variant without an official template (`unknown`).
    """
    return TEMPLATES_FOLDER / TEMPLATES[variant].file


def read_template(variant: str) -> str:
    """The official template of this variant, unchanged.

    Raises:
        KeyError: a variant without an official template (`unknown`).
    """
    return get_template_path(variant).read_bytes().decode("utf-8")


def detect_template_variant(text: str) -> Variant | None:
    """Which official template this text is, newlines at its end and Windows line ends aside; None for any other."""
    bare = text.replace("\r\n", "\n").rstrip("\n")
    return _index_variants_by_hash().get(hash_template(bare))


def render_conversation(
    template: str,
    messages: Sequence[Mapping[str, object]],
    tools: Sequence[Mapping[str, object]] | None = None,
    add_generation_prompt: bool = False,
    **variables: object,
) -> str:
    """The conversation as text: what `apply_chat_template(tokenize=False)` of transformers gives.

    `variables` are the template's own, such as `enable_thinking`. Reasoning is read from the field that the template
    names (`reasoning_content`): recent transformers fill it from `reasoning` and `thinking` too, this does not.
    An official template is rendered here, any other in a process with limits (`template_process`).

    Raises:
        RenderError: the template is broken, refuses these messages, or takes too much time or memory.
    """
    given = {"messages": messages, "tools": tools, "add_generation_prompt": add_generation_prompt} | variables
    if _is_official(template):
        return _render_official(template, given)
    from qwen_recipes.qwen.template_process import TemplateProcessError, get_template_process

    try:
        return get_template_process().render(template, given)
    except TemplateProcessError as problem:
        raise RenderError(str(problem)) from None


def check_characters(text: str) -> str:
    """The text, where a tokenizer can read it. Raises RenderError."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RenderError("the template writes half of a surrogate pair, which is not a character") from None
    return text


def find_template_problem(template: str) -> str | None:
    """Why this can't be used as a chat template, with the line where there is one; None where it can.

    One that takes too much time or memory for a question and an answer is refused; one that asks for other messages
    than these is not.
    """
    return None if _is_official(template) else _try_template(template)


@lru_cache(maxsize=16)
def _try_template(template: str) -> str | None:
    from qwen_recipes.qwen.template_process import (
        TemplateLimitError,
        TemplateProcessError,
        TemplateSyntaxProblem,
        get_template_process,
    )

    given = {"messages": _TRIAL, "tools": None, "add_generation_prompt": False}
    try:
        get_template_process().compile(template)
        check_characters(get_template_process().render(template, given))
    except RenderError as problem:
        return str(problem)
    except (TemplateLimitError, TemplateSyntaxProblem) as problem:
        return str(problem)
    except TemplateProcessError:
        return None
    return None


def _render_official(template: str, variables: dict[str, object]) -> str:
    from jinja2 import TemplateError

    try:
        return _compile_official(template).render(variables)
    except (TemplateError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError) as why:
        raise RenderError(str(why)) from why


@lru_cache(maxsize=16)
def _compile_official(template: str) -> Template:
    from qwen_recipes.qwen.jinja_sandbox import get_environment

    return get_environment().from_string(template)


@lru_cache(maxsize=16)
def _is_official(template: str) -> bool:
    return detect_template_variant(template) is not None


@lru_cache(maxsize=1)
def _index_variants_by_hash() -> dict[str, Variant]:
    return {
        hash_template(read_template(variant).rstrip("\n")): template.variant for variant, template in TEMPLATES.items()
    }
