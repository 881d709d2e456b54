"""Shorter ways to write a value: `method: qlora` for `method: {type: qlora}`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

JsonSchema = dict[str, Any]


def expand_word(key: str, value: object) -> object:
    """A word as the map with it under `key`."""
    return {key: value} if isinstance(value, str) else value


def expand_number(key: str, value: object) -> object:
    """A number, or what is meant as one, as the map with it under `key`; a map and null as they are."""
    return value if isinstance(value, dict) or value is None else {key: value}


def expand_list(value: object) -> object:
    """A word as the list of it."""
    return [value] if isinstance(value, str) else value


def expand_sources(value: object) -> object:
    """One source or several, each a path or a map, as a list of maps."""
    items = value if isinstance(value, list) else [value]
    return [{"path": item} if isinstance(item, str) else item for item in items]


def expand_names(field: str, value: object) -> object:
    """Adapters or models of a merge, each a name or a map, as a list of maps; `field` has the name."""
    return [{field: item} if isinstance(item, str) else item for item in value] if isinstance(value, list) else value


def expand_validation(value: object) -> object:
    """A share as it is, and a percentage, which is none; else sources."""
    percentage = isinstance(value, str) and value.endswith("%") and value[:-1].strip().replace(".", "", 1).isdecimal()
    return value if percentage or isinstance(value, (int, float)) else expand_sources(value)


def parse_gib(value: object) -> object:
    """`48 GiB`, or another spelling of the unit, as the number of GiB; anything else as it is."""
    text = value.strip().lower() if isinstance(value, str) else ""
    number = text.removesuffix("b").removesuffix("i").removesuffix("g").strip()
    return float(number) if text != number and number.replace(".", "", 1).isdecimal() else value


class ShortForm:
    """Annotates a field that may be written shorter: `expand` gives the long form, editors are shown `schema` too."""

    def __init__(self, expand: Callable[[object], object], schema: JsonSchema) -> None:
        self.expand, self.schema = expand, schema

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Expand, then validate the long form."""
        return core_schema.no_info_before_validator_function(self.expand, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        """Either of the two forms."""
        return {"anyOf": self.list_forms(handler(core))}

    def list_forms(self, long_form: JsonSchema) -> list[JsonSchema]:
        """JSON Schemas of the ways to write the value, by that of the long form."""
        return [self.schema, long_form]
