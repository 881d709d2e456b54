"""The model and the rows."""

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
    """Rows from one place: files here, or a data set on the hub."""

    path: str | None = optional_field(
        "File, folder or pattern, relative to the recipe; jsonl, json, csv, tsv, txt, parquet, arrow, also compressed.",
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
        "How a row is laid out; left out, each row's layout is found by its columns among those that the objective can "
        "learn from. `messages`: a list of maps with role and content; `sharegpt`: conversations of from "
        "and value; `alpaca`: instruction, input, output; `prompt-completion`; `text`; `preference`: prompt, chosen, "
        "rejected; `kto`: prompt, completion, label; `prompt`: a prompt, and whatever the rewards ask for beside it.",
        example="messages",
    )
    columns: dict[str, str] | None = optional_field(
        "Columns by our names, where the rows call them otherwise; a value may lead into maps and lists "
        "(`talk.messages`, `turns.0.text`).",
        example={"messages": "conversation"},
    )
    limit: int | None = optional_field(
        "Only so many of its rows, the first ones, before weight and split.", example=1000, ge=1, le=10**12
    )
    weight: float | None = optional_field(
        "How many times its rows count: 0.5 takes half of them, 2 each one twice.", example=0.5, gt=0.0, le=1000.0
    )
    roles: dict[str, Role] | None = optional_field(
        "Roles by the rows' own names, where they are none that frameworks use (human, gpt, developer, function_call, "
        "observation … are known).",
        example={"customer": "user", "agent": "assistant"},
    )
    prompt_style: Literal["plain", "alpaca"] | None = optional_field(
        "How `instruction` and `input` become the user's message: `plain`, one below the other; `alpaca`, in the words "
        "of Alpaca's own prompt, within the chat template.",
        example="plain",
    )
    encoding: Encoding | None = optional_field(
        "Encoding of text files. Left out: UTF-8, or UTF-16 and UTF-32 where a file begins so.", example="latin-1"
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
    "description": "Path of one file of rows.",
    "examples": ["data/support.jsonl"],
}
SourceList = Annotated[list[Source], Field(min_length=1)]
Sources = Annotated[SourceList, SourcesForm(expand_sources, _PATH_SCHEMA)]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Validation = Annotated[Share | SourceList, ValidationForm(expand_validation, _PATH_SCHEMA)]


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
