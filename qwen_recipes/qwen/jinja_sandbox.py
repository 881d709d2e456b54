"""Jinja2 as chat templates expect it: sandboxed, with transformers' filters and functions, and bounded operators."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.ext import Extension
    from jinja2.parser import Parser
    from jinja2.runtime import Context

MAX_ITEMS = 1_000_000
"""Characters or items that `*` may repeat a text or a list to."""
MAX_BITS = 65_536
"""Bits of a whole number that `*` and `**` may give."""


@lru_cache(maxsize=1)
def get_environment() -> Environment:
    """The environment of every chat template. It folds no constants: nothing is computed before a template is rendered.

    `*` and `**` raise OverflowError above MAX_ITEMS and MAX_BITS.
    """
    from jinja2 import pass_context
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class ChatEnvironment(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset({"*", "**"})

        def call_binop(self, context: Context, operator: str, first: object, second: object) -> object:
            return _BOUNDED[operator](first, second)

    @pass_context
    def keep_value(context: Context, value: object) -> object:
        """Jinja2 folds no constant into the output where what finalizes it wants the context."""
        return value

    environment = ChatEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        optimized=False,
        finalize=keep_value,
        extensions=[_get_generation_extension(), loopcontrols],
    )
    environment.filters["tojson"] = _to_json
    environment.globals.update(raise_exception=_raise_exception, strftime_now=_strftime_now)
    return environment


def multiply(first: Any, second: Any) -> Any:
    """`first * second`, of a bounded size. Raises OverflowError."""
    for repeated, times in ((first, second), (second, first)):
        is_repeated = isinstance(repeated, (str, bytes, list, tuple)) and isinstance(times, int)
        if is_repeated and len(repeated) * max(0, times) > MAX_ITEMS:
            raise OverflowError(f"`*` makes more than {MAX_ITEMS:,} characters or items")
    if isinstance(first, int) and isinstance(second, int) and first.bit_length() + second.bit_length() > MAX_BITS:
        raise OverflowError(f"`*` makes a number of more than {MAX_BITS:,} bits")
    return first * second


def raise_to_power(first: Any, second: Any) -> Any:
    """`first ** second`, of a bounded size. Raises OverflowError."""
    if isinstance(first, int) and isinstance(second, int) and first.bit_length() * max(0, second) > MAX_BITS:
        raise OverflowError(f"`**` makes a number of more than {MAX_BITS:,} bits")
    return first**second


_BOUNDED: dict[str, Callable[[Any, Any], Any]] = {"*": multiply, "**": raise_to_power}


@lru_cache(maxsize=1)
def _get_generation_extension() -> type[Extension]:
    from jinja2 import nodes
    from jinja2.ext import Extension

    class GenerationBlock(Extension):
        """`{% generation %}` marks the assistant's words for a trainer; here its content is rendered as it is."""

        tags = {"generation"}  # noqa: RUF012 - jinja's own declaration

        def parse(self, parser: Parser) -> nodes.Node:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.Scope(body, lineno=line)

    return GenerationBlock


def _to_json(
    value: object,
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
