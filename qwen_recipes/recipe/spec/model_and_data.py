"""The model and the rows."""

from typing import Annotated, Literal

from pydantic import Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from qwen_recipes.recipe.spec.section import Section, optional_field, required_field
from qwen_recipes.recipe.spec.short_forms import JsonSchema, ShortForm, WordFor


class Model(Section):
    """The model to fine-tune."""

    id: str = required_field(
        "Hub id or local folder of the model.", example="Qwen/Qwen3-4B-Instruct-2507", min_length=1
    )
    revision: str | None = optional_field("Commit or tag of the model on the hub.", example="cdbee75f", min_length=1)


ModelField = Annotated[
    Model,
    WordFor(
        "id",
        {
            "type": "string",
            "minLength": 1,
            "description": "Hub id or local folder of the model.",
            "examples": ["Qwen/Qwen3-4B"],
        },
    ),
]


Format = Literal["messages", "sharegpt", "alpaca", "prompt-completion", "text", "preference", "kto", "prompt"]


class Source(Section):
    """Rows from one place: files here, or a data set on the hub."""

    path: str | None = optional_field(
        "File, folder or pattern, relative to the recipe; jsonl, json, parquet or csv.",
        example="data/support.jsonl",
        min_length=1,
    )
    hub: str | None = optional_field(
        "Data set on the Hugging Face hub.", example="HuggingFaceH4/ultrachat_200k", min_length=1
    )
    subset: str | None = optional_field("Subset of the data set on the hub.", example="default", min_length=1)
    split: str | None = optional_field("Split of the data set on the hub.", example="train_sft", min_length=1)
    revision: str | None = optional_field("Commit or tag of the data set on the hub.", example="main", min_length=1)
    format: Format | None = optional_field(
        "How a row is laid out. `messages`: a list of maps with role and content; `sharegpt`: conversations of from "
        "and value; `alpaca`: instruction, input, output; `prompt-completion`; `text`; `preference`: prompt, chosen, "
        "rejected; `kto`: prompt, completion, label; `prompt`: a prompt, and whatever the rewards ask for beside it.",
        example="messages",
    )
    columns: dict[str, str] | None = optional_field(
        "Columns by our names, where the rows call them otherwise.", example={"messages": "conversation"}
    )
    limit: int | None = optional_field(
        "Only so many of its rows, the first ones, before weight and split.", example=1000, ge=1, le=10**12
    )
    weight: float | None = optional_field(
        "How many times its rows count: 0.5 takes half of them, 2 each one twice.", example=0.5, gt=0.0, le=1000.0
    )


class OneSource(ShortForm):
    """A path stands for the source with it, and one source for the list of it."""

    def expand(self, value: object) -> object:
        """A list of maps, as far as the value is one of paths and maps."""
        items = value if isinstance(value, list) else [value]
        return [{"path": item} if isinstance(item, str) else item for item in items]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        """A path, a map, or a list of either."""
        return {"anyOf": self.list_forms(handler(core))}

    def list_forms(self, listed: JsonSchema) -> list[JsonSchema]:
        """Schemas of the ways to write sources, by the schema of a list of maps."""
        either = {"anyOf": [self.schema, listed["items"]]}
        return [self.schema, listed["items"], {"type": "array", "minItems": 1, "items": either}]


class ShareOrSource(OneSource):
    """As for `OneSource`; a number stands for itself."""

    def expand(self, value: object) -> object:
        """A number as it is, else a list of sources."""
        return value if isinstance(value, (int, float)) else super().expand(value)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        """A share, or whatever sources may be."""
        share, listed = handler(core)["anyOf"]
        return {"anyOf": [share, *self.list_forms(listed)]}


_PATH_SCHEMA: JsonSchema = {
    "type": "string",
    "minLength": 1,
    "description": "Path of one file of rows.",
    "examples": ["data/support.jsonl"],
}
SourceList = Annotated[list[Source], Field(min_length=1)]
Sources = Annotated[SourceList, OneSource(_PATH_SCHEMA)]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Validation = Annotated[Share | SourceList, ShareOrSource(_PATH_SCHEMA)]


class Data(Section):
    """What is trained on and what it is judged by."""

    train: Sources = required_field(
        "Rows to train on: a path, a map, or a list of them.",
        example=[{"path": "data/support.jsonl", "format": "messages"}],
    )
    validation: Validation | None = optional_field(
        "Rows to evaluate on: a share of the training rows between 0 and 1, or sources like `train`.", example=0.05
    )
    streaming: bool | None = optional_field(
        "Let the framework tokenize rows while it trains instead of all of them first; needs `training.steps`.",
        example=True,
    )
