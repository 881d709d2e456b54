"""The places where templates write values of the plan, and the templates without one of them.

A mapping is one `{{ … }}` of a template that prints what the plan says. It is turned off in two ways: `removed` (its
line is gone; in JSON the value is null, in a script it is empty) and `other` (another value of the same kind stands
there: another word of the same vocabulary, another number, the opposite).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from qwen_recipes.compile.traced_values import trace_value, untrace_value
from qwen_recipes.compile.value_formats import RawText
from qwen_recipes.package_data import find_package_data
from qwen_recipes.recipe.field_index import find_field_info

Way = Literal["removed", "other"]
WAYS: tuple[Way, ...] = ("removed", "other")
FOLDERS = ("axolotl", "llamafactory", "ms_swift", "trl", "shared")
_EXPRESSION = re.compile(r"\{\{(.*?)\}\}")
_NO_VALUE = re.compile(r'header|rows\(.*|"" \| raw if loop\.last.*')
"""Expressions that print comments, other mappings, or commas."""
_FIELD = re.compile(r"\b[a-z]\w*(?:\.[a-z]\w*)+")
INTERVALS = ("steps", "epoch", "no")


@dataclass(frozen=True)
class TemplateMapping:
    """One expression of a template: `template` is its path below `templates/`, `start` and `end` are in its text."""

    template: str
    line: int
    start: int
    end: int
    expression: str
    text: str
    number: int
    """Which of the template's expressions with the same line this is, from 1."""

    @property
    def fields(self) -> list[str]:
        """The plan's fields that its expression names."""
        return _FIELD.findall(self.expression)

    @property
    def key(self) -> str:
        """What names it as long as its line stays as it is."""
        place = f" [{self.expression}]" if self.text.count("{{") > 1 else ""
        count = f" #{self.number}" if self.number > 1 else ""
        return f"{self.template}: {self.text}{place}{count}"


def list_mappings() -> Iterator[TemplateMapping]:
    """Every mapping of every template that frameworks, launchers and the row program read."""
    root = find_package_data("templates")
    for folder in FOLDERS:
        for path in sorted((root / folder).glob("*.j2")):
            yield from find_mappings(f"{folder}/{path.name}", path.read_text("utf-8"))


def find_mappings(template: str, text: str) -> Iterator[TemplateMapping]:
    """The mappings of one template's text."""
    seen: Counter[tuple[str, str]] = Counter()
    for match in _EXPRESSION.finditer(text):
        expression = match[1].strip()
        if _NO_VALUE.fullmatch(expression):
            continue
        first = text.rfind("\n", 0, match.start()) + 1
        line = text[first : text.find("\n", first)].strip()
        if line.startswith("#"):
            continue
        seen[line, expression] += 1
        number = text.count("\n", 0, match.start()) + 1
        yield TemplateMapping(template, number, *match.span(), expression, line, seen[line, expression])


def turn_off(mapping: TemplateMapping, text: str, way: Way) -> str:
    """The template's text without the mapping, or with another value in its place."""
    before, after = text[: mapping.start], text[mapping.end :]
    if way == "other":
        table = re.search(r'\| word\("(\w+)"\)', mapping.expression)
        return (
            f"{before}{{{{ ({mapping.expression}) | other({table[1]!r}) }}}}{after}"
            if table
            else (f"{before}{{{{ ({mapping.expression}) | other }}}}{after}")
        )
    if mapping.template.endswith(".json.j2"):
        return f"{before}null{after}"
    if mapping.template.endswith(".sh.j2"):
        return before + after
    return before[: before.rfind("\n") + 1] + after[after.find("\n") + 1 :]


def copy_templates(mapping: TemplateMapping, way: Way, package: str, folder: Path) -> None:
    """A framework's templates in `folder`, with the mapping turned off."""
    root = find_package_data("templates")
    for path in [*(root / "shared").glob("*.j2"), *(root / package).glob("*.j2")]:
        text = path.read_text("utf-8")
        changed = path == root / mapping.template
        (folder / path.name).write_text(turn_off(mapping, text, way) if changed else text, "utf-8")


def choose_other_value(words: Any, value: Any, table: str = "") -> Any:
    """Another value of the same kind; `words` are the framework's vocabularies, `table` the one that was used."""
    plain, path = untrace_value(value), getattr(value, "path", None)
    changed = _choose_other(plain, [*_list_vocabularies(words, table), *_list_literals(path), INTERVALS])
    if isinstance(value, RawText):
        return RawText(changed)
    return trace_value(changed, path) if path else changed


def _list_vocabularies(words: Any, table: str) -> Iterator[tuple[Any, ...]]:
    if table:
        yield tuple(words[table].values())


def _list_literals(path: str | None) -> Iterator[tuple[Any, ...]]:
    """The words that the recipe's field of that name may hold."""
    info = find_field_info(tuple(path.split("."))) if path else None
    for kind in (info.annotation, *get_args(info.annotation)) if info else ():
        yield tuple(word for word in get_args(kind) if isinstance(word, (str, int)))


def _choose_other(plain: Any, vocabularies: list[tuple[Any, ...]]) -> Any:
    for vocabulary in vocabularies:
        others = [word for word in vocabulary if word != plain and type(word) is type(plain)]
        if plain in vocabulary and others:
            return others[0]
    if isinstance(plain, bool):
        return not plain
    if isinstance(plain, int):
        return plain + 1
    if isinstance(plain, float):
        return plain / 2 if plain else 0.125
    if isinstance(plain, list):
        return plain[:-1] if len(plain) > 1 else [*plain, "other"]
    if isinstance(plain, dict):
        return {**plain, "other": "other"}
    return "other" if plain is None else f"{plain}-other"
