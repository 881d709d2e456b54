"""Shorter ways to write a value: `method: qlora` for `method: {type: qlora}`."""

from __future__ import annotations

from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

JsonSchema = dict[str, Any]


class ShortForm:
    """Annotates a field that may be written shorter; editors see `schema` beside the long form's."""

    def __init__(self, schema: JsonSchema) -> None:
        self.schema = schema

    def expand(self, value: object) -> object:
        """The long form of a value; one that is long already, or wrong, as it is."""
        raise NotImplementedError

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Expand before the long form is validated."""
        return core_schema.no_info_before_validator_function(self.expand, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        """Either of the two forms."""
        return {"anyOf": [self.schema, handler(core)]}


class WordFor(ShortForm):
    """A word stands for the section with that word under `key`."""

    def __init__(self, key: str, schema: JsonSchema) -> None:
        super().__init__(schema)
        self.key = key

    def expand(self, value: object) -> object:
        """A word as `{key: word}`."""
        return {self.key: value} if isinstance(value, str) else value


class WordForList(ShortForm):
    """A word stands for the list of it."""

    def expand(self, value: object) -> object:
        """A word as `[word]`."""
        return [value] if isinstance(value, str) else value
