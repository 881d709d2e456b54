"""The model and the data."""

from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from qwen_recipes.recipe.spec.section import Section, optional_field, required_field
from qwen_recipes.recipe.spec.short_forms import JsonSchema, ShortForm, expand_sources, expand_validation, expand_word


class Model(Section):
    """The model to fine-tune."""

    id: str = required_field(
        "Hub id or local folder of the model.", example="Qwen/Qwen3-4B-Instruct-2507", min_length=1
    )
    revision: str | None = optional_field("Commit or tag of the model on the hub.", example="cdbee75f", min_length=1)
    like: str | None = optional_field(
        "A known model of the same architecture, tokenizer and chat template, for a model whose files are not on this "
        "machine: one of your own, a mirror, or one that does not exist yet.",
        example="Qwen/Qwen3-4B-Instruct-2507",
        min_length=1,
    )
    source: Literal["modelscope"] | None = optional_field(
        "Hub that the ids of the model and of an adapter are on, if not Hugging Face's. ms-swift only.",
        example="modelscope",
    )


ModelField = Annotated[
    Model,
    ShortForm(
        partial(expand_word, "id"),
        {
            "type": "string",
            "minLength": 1,
            "description": "Hub id or local folder of the model.",
            "examples": ["Qwen/Qwen3-4B"],
        },
    ),
]


Role = Literal["system", "user", "assistant", "tool"]
Encoding = Literal[
    "utf-8", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252", "cp1251", "koi8-r", "gb18030", "big5",
    "shift_jis", "euc-jp", "euc-kr",
]  # fmt: skip
Format = Literal["messages", "sharegpt", "alpaca", "prompt-completion", "text", "preference", "kto", "prompt"]


class Source(Section):
    """Data from one place: local files, or a data set on the Hugging Face hub."""

    path: str | None = optional_field(
        "File, folder or glob, relative to the recipe: jsonl, json, csv, tsv, txt, parquet or arrow, optionally "
        "compressed.",
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
        "Layout of the rows. `messages`: a list of maps with `role` and `content`; `sharegpt`: `conversations` with "
        "`from` "
        "and `value`; `alpaca`: `instruction`, `input`, `output`; `prompt-completion`: `prompt`, `completion`; `text`: "
        "`text`; `preference`: `prompt`, `chosen`, `rejected`; `kto`: `prompt`, `completion`, `label`; `prompt`: "
        "`prompt`, and the columns that reward functions use. Default: detected for each row by its columns.",
        example="messages",
    )
    columns: dict[str, str] | None = optional_field(
        "Map of expected column names to the names in the data. Values may be paths into maps and lists "
        "(`talk.messages`, `turns.0.text`). `role` and `content` name the keys of each message.",
        example={"messages": "conversation"},
    )
    limit: int | None = optional_field(
        "Use only the first N rows, before `weight` and the validation split.", example=1000, ge=1, le=10**12
    )
    weight: float | None = optional_field(
        "Repeat the data this many times: 0.5 takes a random half, 2 takes each row twice.",
        example=0.5,
        gt=0.0,
        le=1000.0,
    )
    roles: dict[str, Role] | None = optional_field(
        "Map of the data's role names to system, user, assistant or tool. Common names (human, gpt, developer, "
        "function_call, observation …) are known.",
        example={"customer": "user", "agent": "assistant"},
    )
    prompt_style: Literal["plain", "alpaca"] | None = optional_field(
        "How `instruction` and `input` form the user message: `plain` joins them with a newline; `alpaca` uses the "
        "wording of the original Alpaca prompt.",
        example="plain",
    )
    encoding: Encoding | None = optional_field(
        "Encoding of text files. Default: UTF-8, or UTF-16 or UTF-32 if the file starts with a byte order mark.",
        example="latin-1",
    )


class SourcesForm(ShortForm):
    """A path, a map, or a list of either."""

    def list_forms(self, long_form: JsonSchema) -> list[JsonSchema]:
        """`long_form` is the schema of a list of maps, `self.schema` that of a path."""
        either = {"anyOf": [self.schema, long_form["items"]]}
        return [self.schema, long_form["items"], {"type": "array", "minItems": 1, "items": either}]


class ValidationForm(SourcesForm):
    """A share, or whatever sources may be."""

    def list_forms(self, long_form: JsonSchema) -> list[JsonSchema]:
        """`long_form` is the schema of a share or a list of maps."""
        share, listed = long_form["anyOf"]
        return [share, *super().list_forms(listed)]


_PATH_SCHEMA: JsonSchema = {
    "type": "string",
    "minLength": 1,
    "description": "Path of a data file.",
    "examples": ["data/support.jsonl"],
}
SourceList = Annotated[list[Source], Field(min_length=1)]
Sources = Annotated[SourceList, SourcesForm(expand_sources, _PATH_SCHEMA)]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Validation = Annotated[Share | SourceList, ValidationForm(expand_validation, _PATH_SCHEMA)]


class Data(Section):
    """The training and validation data."""

    train: Sources = required_field(
        "Training data: a path, a map, or a list of them.",
        example=[{"path": "data/support.jsonl", "format": "messages"}],
    )
    validation: Validation | None = optional_field(
        "Validation data: a share of the training data between 0 and 1, or sources like `train`.", example=0.05
    )
    streaming: bool | None = optional_field(
        "Tokenize data during training instead of before it. Needs `training.steps`.",
        example=True,
    )
