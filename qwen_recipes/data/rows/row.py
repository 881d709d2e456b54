"""What a row is, and what is wrong with one."""

from __future__ import annotations

from typing import Any, NamedTuple, TypedDict

Message = dict[str, Any]
"""In our form: `role` and `content`, and `train: False` where a flag takes it out of the loss."""
Row = dict[str, Any]


class SourceSpec(TypedDict, total=False):
    """One source of rows.json: files at `path`, or else a data set on the `hub`."""

    path: str | None
    hub: str | None
    subset: str | None
    split: str | None
    revision: str | None
    format: str
    columns: dict[str, str]
    weight: float
    limit: int | None
    roles: dict[str, str]
    prompt_style: str
    tool_style: str
    encoding: str | None


class StepsSpec(TypedDict, total=False):
    """What the steps of a run that is counted in epochs follow from, and the native keys that they are written to."""

    epochs: float
    micro_batch_size: int
    replicas: int
    gradient_accumulation: int
    warmup_ratio: float
    warmup_steps: int | None
    decay_ratio: float | None
    keys: dict[str, str]


class RowsSpec(TypedDict, total=False):
    """rows.json: what the rows of one recipe are made from, and how. Lengths in tokens."""

    train: list[SourceSpec]
    validation: list[SourceSpec]
    validation_share: float | None
    shape: str
    seed: int
    tokenizer: str
    source: str
    revision: str | None
    chat_template: str | None
    train_on: str
    turns: str
    thinking: str
    arrow: bool
    sequence_length: int
    pack_length: int
    overlong: str
    output_dir: str | None
    out: str
    copied: list[str]
    needed_packs: int
    needed_examples: int
    steps: StepsSpec | None
    origins: bool


_TYPES = {str: "text", int: "a number", float: "a number", bool: "true or false", list: "a list", dict: "a map"}


def describe_type(value: object) -> str:
    """What a value of a row is, in words."""
    return _TYPES.get(type(value), "nothing" if value is None else "no text")


class BadRowError(ValueError):
    """A row that can't be trained on, and why."""


class MissingReaderError(ModuleNotFoundError):
    """A form of file that needs a package which is not there."""


class RawRow(NamedTuple):
    """A row and its line (or number, where a file has no lines); `problem` says why there is none."""

    number: int
    row: Any
    problem: str = ""
    text: str = ""
