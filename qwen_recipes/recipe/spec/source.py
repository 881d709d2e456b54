"""The model and the rows."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from qwen_recipes.recipe.shorthands import expand_sources, expand_validation
from qwen_recipes.recipe.spec.base import Part, make_shorthand, optional_field, required_field


class ShorthandSchema:
    """Shows editors that a part may be written as one word, and as what."""

    def __init__(self, schema: dict[str, Any], *, listed: bool = False) -> None:
        self.schema = schema
        self.listed = listed

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The long form's schema with the short one beside it."""
        full = handler(core)
        return {"anyOf": [self.schema, full]}


class Model(Part):
    """The model to fine-tune."""

    id: str = required_field("Hub id or local folder of the model.", "Qwen/Qwen3-4B-Instruct-2507", min_length=1)
    revision: str | None = optional_field("Commit or tag of the model on the hub.", "cdbee75f", min_length=1)


Format = Literal["messages", "sharegpt", "alpaca", "prompt-completion", "text", "preference", "kto", "prompt"]
Role = Literal["system", "user", "assistant", "tool"]
Encoding = Literal[
    "utf-8", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252", "cp1251", "koi8-r", "gb18030", "big5",
    "shift_jis", "euc-jp", "euc-kr",
]  # fmt: skip


class Source(Part):
    """Rows from one place: files here, or a data set on the hub."""

    path: str | None = optional_field(
        "File, folder or pattern, relative to the recipe; jsonl, json, csv, tsv, txt, parquet, arrow, also compressed.",
        "data/support.jsonl",
        min_length=1,
    )
    hub: str | None = optional_field("Data set on the Hugging Face hub.", "HuggingFaceH4/ultrachat_200k", min_length=1)
    subset: str | None = optional_field("Subset of the data set on the hub.", "default", min_length=1)
    split: str | None = optional_field("Split of the data set on the hub.", "train_sft", min_length=1)
    revision: str | None = optional_field("Commit or tag of the data set on the hub.", "main", min_length=1)
    format: Format | None = optional_field(
        "How a row is laid out; left out, each row's layout is found by its columns among those that the objective can "
        "learn from. `messages`: a list of maps with role and content; `sharegpt`: conversations of from "
        "and value; `alpaca`: instruction, input, output; `prompt-completion`; `text`; `preference`: prompt, chosen, "
        "rejected; `kto`: prompt, completion, label; `prompt`: a prompt, and whatever the rewards ask for beside it.",
        "messages",
    )
    columns: dict[str, str] | None = optional_field(
        "Columns by our names, where the rows call them otherwise; a value may lead into maps and lists "
        "(`talk.messages`, `turns.0.text`).",
        {"messages": "conversation"},
    )
    limit: int | None = optional_field(
        "Only so many of its rows, the first ones, before weight and split.", 1000, ge=1, le=10**12
    )
    weight: float | None = optional_field(
        "How many times its rows count: 0.5 takes half of them, 2 each one twice.", 0.5, gt=0.0, le=1000.0
    )
    roles: dict[str, Role] | None = optional_field(
        "Roles by the rows' own names, where they are none that frameworks use (human, gpt, developer, function_call, "
        "observation … are known).",
        {"customer": "user", "agent": "assistant"},
    )
    prompt_style: Literal["plain", "alpaca"] | None = optional_field(
        "How `instruction` and `input` become the user's message: `plain`, one below the other; `alpaca`, in the words "
        "of Alpaca's own prompt, within the chat template.",
        "plain",
    )
    encoding: Encoding | None = optional_field(
        "Encoding of text files. Left out: UTF-8, or UTF-16 and UTF-32 where a file begins so.", "latin-1"
    )


_PATH_SCHEMA = {
    "type": "string",
    "minLength": 1,
    "description": "Path of one file of rows.",
    "examples": ["data/support.jsonl"],
}
_SOURCE_REF = {"$ref": "#/$defs/Source"}


class SourcesSchema:
    """Shows editors every way to write a list of sources."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """A path, a map, or a list of either."""
        listed = handler(core)
        item = listed["items"]
        return {
            "anyOf": [_PATH_SCHEMA, item, {"type": "array", "minItems": 1, "items": {"anyOf": [_PATH_SCHEMA, item]}}]
        }


Sources = Annotated[list[Source], Field(min_length=1), BeforeValidator(expand_sources), SourcesSchema()]


class ValidationSchema:
    """Shows editors that validation is a share or sources."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """A fraction, or whatever sources may be."""
        share, listed = handler(core)["anyOf"]
        item = listed["items"]
        several = {"type": "array", "minItems": 1, "items": {"anyOf": [_PATH_SCHEMA, item]}}
        return {"anyOf": [share, _PATH_SCHEMA, item, several]}


Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Validation = Annotated[
    Share | Annotated[list[Source], Field(min_length=1)], BeforeValidator(expand_validation), ValidationSchema()
]


class Data(Part):
    """What is trained on and what it is judged by."""

    train: Sources = required_field(
        "Rows to train on: a path, a map, or a list of them.",
        [{"path": "data/support.jsonl", "format": "messages"}],
    )
    validation: Validation | None = optional_field(
        "Rows to evaluate on: a share of the training rows between 0 and 1, or sources like `train`.", 0.05
    )
    streaming: bool | None = optional_field(
        "Let the framework tokenize rows while it trains instead of all of them first; needs `training.steps`.",
        True,
    )


class Chat(Part):
    """How a conversation becomes tokens."""

    template: str | None = optional_field(
        "Chat template: `auto` (the official one of this model's variant; a folder's own, if Qwen did not release it "
        "and the framework can take it), a variant's name (hybrid, base, instruct-2507, thinking-2507), or a .jinja "
        "file.",
        "auto",
        min_length=1,
    )
    train_on: Literal["assistant", "last-assistant", "all"] | None = optional_field(
        "Which turns carry loss: every assistant turn, the last one, or everything.", "assistant"
    )
    turns: Literal["split", "together", "last"] | None = optional_field(
        "What a conversation with several user queries becomes under `sft`. `split`: one example for each query where "
        "the template would take reasoning out of earlier turns, rendered as the model is served (tool steps within "
        "the query keep their reasoning; earlier turns are context without loss), else one example; `together`: one "
        "example, in which earlier turns are trained without their reasoning; `last`: one example, with loss on what "
        "answers the last query, tool steps included (`train_on: last-assistant` trains the last message alone). "
        "Left out: `split` for hybrid and Thinking templates and those that are not Qwen's, `last` with `train_on: "
        "last-assistant`, else `together`.",
        "split",
    )
    thinking: Literal["auto", "train-empty"] | None = optional_field(
        "The empty think block that a hybrid model's template puts before an answer without reasoning: "
        "`auto` leaves it out of the loss, `train-empty` trains it too, so that the model learns not to think.",
        "auto",
    )
    encoding: Literal["native", "exact"] | None = optional_field(
        "Who makes tokens of the rows: `native`, the framework from text; `exact`, `recipes`, which hands over ids and "
        "labels, the same for every framework. `exact` takes three to four times the disk space of the text. Left out: "
        "`exact` where the framework would make other tokens of these conversations (a Base model in LLaMA-Factory, a "
        "template that is not Qwen's), else `native`.",
        "native",
    )


ModelField = Annotated[
    Model,
    BeforeValidator(make_shorthand("id")),
    ShorthandSchema(
        {
            "type": "string",
            "minLength": 1,
            "description": "Hub id or local folder of the model.",
            "examples": ["Qwen/Qwen3-4B"],
        }
    ),
]
