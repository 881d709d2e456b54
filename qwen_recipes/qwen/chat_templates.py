"""The four official chat templates of Qwen3, and how a conversation is rendered with one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.qwen.facts import Variant

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.ext import Extension

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
    return _index_variants_by_hash().get(_hash_text(bare))


def render_conversation(
    template: str,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None = None,
    add_generation_prompt: bool = False,
    **variables: Any,
) -> str:
    """The conversation as text: what `apply_chat_template(tokenize=False)` of transformers gives.

    `variables` are the template's own, such as `enable_thinking`. Reasoning is read from the field that the template
    names (`reasoning_content`): recent transformers fill it from `reasoning` and `thinking` too, this does not.

    Raises:
        RenderError: the template is broken, or refuses these messages.
    """
    from jinja2 import TemplateError

    given = {"messages": messages, "tools": tools, "add_generation_prompt": add_generation_prompt}
    try:
        return _compile_template(template).render(given | variables)
    except (TemplateError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as problem:
        raise RenderError(str(problem)) from problem


def find_syntax_error(template: str) -> str | None:
    """Why this is no Jinja template, with the line; None where it is one."""
    from jinja2 import TemplateSyntaxError

    try:
        _compile_template(template)
    except TemplateSyntaxError as problem:
        return f"line {problem.lineno}: {problem.message}"
    return None


@lru_cache(maxsize=1)
def _get_generation_extension() -> type[Extension]:
    from jinja2 import nodes
    from jinja2.ext import Extension
    from jinja2.parser import Parser

    class GenerationBlock(Extension):
        """`{% generation %}` marks the assistant's words for a trainer; here its content is rendered as it is."""

        tags = {"generation"}  # noqa: RUF012 - jinja's own declaration

        def parse(self, parser: Parser) -> nodes.Node:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.Scope(body, lineno=line)

    return GenerationBlock


@lru_cache(maxsize=16)
def _compile_template(template: str) -> Template:
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_get_generation_extension(), loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals.update(raise_exception=_raise_exception, strftime_now=_strftime_now)
    return environment.from_string(template)


@lru_cache(maxsize=1)
def _index_variants_by_hash() -> dict[str, Variant]:
    return {
        _hash_text(read_template(variant).rstrip("\n")): template.variant for variant, template in TEMPLATES.items()
    }


def _hash_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON as chat templates expect it: neither sorted nor escaped, unlike jinja's own filter."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise_exception(message: str) -> NoReturn:
    from jinja2 import TemplateError

    raise TemplateError(message)


def _strftime_now(pattern: str) -> str:
    return datetime.now().strftime(pattern)
