"""What was rendered is read again, and held against the framework's own vocabulary, before a byte is written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from qwen_recipes.backends.base import Backend, OutputFile
from qwen_recipes.compile.value_formats import find_marks
from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.recipe.suggestions import find_closest_match


class InvalidOutputError(QwenRecipesError):
    """A rendered file does not load, or the framework's schema refuses it. `problems` are (key, message) pairs."""

    def __init__(self, file: str, problems: list[tuple[str, str]]) -> None:
        super().__init__(f"{file}: " + "; ".join(f"{key}: {message}" if key else message for key, message in problems))
        self.file, self.problems = file, problems


def parse_output(output: OutputFile, text: str) -> Any:
    """The rendered file as data. Raises InvalidOutputError where it does not load."""
    try:
        return json.loads(text) if output.kind == "json" else yaml.load(text, Loader=_StrictLoader)
    except (ValueError, yaml.YAMLError) as error:
        raise InvalidOutputError(output.name, [("", f"does not parse: {error}")]) from None


class _StrictLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's own reading, as the frameworks use it, but a key that occurs twice is an error."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A map; raises ConstructorError for a second key of the same name."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key.value}", key.start_mark)
            seen.add(key.value)
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made


def check_schema(backend: Backend, output: OutputFile, data: object) -> None:
    """Hold a config against the backend's schema. Raises InvalidOutputError with every problem."""
    from jsonschema import Draft202012Validator

    schema, file = _load_dialect_schema(backend, output), output.name
    errors = sorted(Draft202012Validator(schema).iter_errors(data), key=lambda e: list(map(str, e.absolute_path)))
    problems = [problem for error in errors for problem in _describe_error(error, schema)]
    if problems:
        raise InvalidOutputError(file, problems)


def _load_dialect_schema(backend: Backend, output: OutputFile) -> dict[str, Any]:
    """The schema, with the keys of the output's dialect."""
    schema = backend.load_schema()
    if output.schema_definition:
        dialect = schema["$defs"][output.schema_definition]
        shared = {} if dialect.get("x-whole") else schema["properties"]
        schema["properties"] = {**shared, **dialect["properties"]}
    return schema


def schema_accepts(backend: Backend, output: OutputFile, key: str, value: object) -> bool:
    """Whether the backend's schema takes this value at this key."""
    from jsonschema import Draft202012Validator

    schema = _load_dialect_schema(backend, output)
    part = schema["properties"].get(key)
    return part is not None and Draft202012Validator({**part, "$defs": schema.get("$defs", {})}).is_valid(value)


def _describe_error(error: Any, schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    key = ".".join(str(step) for step in error.absolute_path)
    if error.validator != "additionalProperties":
        yield key, error.message if len(error.message) < 200 else error.message[:200] + "…"
        return
    known = error.schema.get("properties", {})
    for name in error.instance:
        if name not in known:
            near = find_closest_match(str(name), known)
            yield f"{key}.{name}".lstrip("."), "unknown" + (f"; did you mean `{near}`?" if near else "")


def collect_native_keys(data: object, prefix: str = "") -> dict[str, set[str]]:
    """Native keys (dotted) of a config rendered with marks, and the plan's fields printed at each."""
    found: dict[str, set[str]] = {}
    for key, value in _iter_items(data):
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            found.update(collect_native_keys(value, f"{name}."))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                for inner, paths in collect_native_keys(item, f"{name}[].").items():
                    found.setdefault(inner, set()).update(paths)
        else:
            found[name] = find_marks(value)
    return found


def _iter_items(data: object) -> Iterable[tuple[str, object]]:
    return data.items() if isinstance(data, dict) else ()
