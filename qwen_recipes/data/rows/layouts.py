"""Every layout of rows that is read.

Found by the keys that hold something; `docs/reference/data-formats.md` has it as a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from . import layout_readers as read
from .column_hints import find_turn_keys, suggest_columns
from .columns import drop_message_keys, rename_columns
from .message_forms import RowOptions
from .row import BadRowError, Row
from .scored_completions import has_scored_completions, read_scored_completions

SYSTEM_AND_TOOLS = (*read.SYSTEM_KEYS, *read.TOOL_KEYS)
ANY_CONVERSATION = "conversation"
"""The format of a source of conversations whose recipe names none: each row's layout is found by its keys."""
_COMPARED = re.compile(r"(response|answer|completion|output|conversation|assistant)_?([ab]|[0-3])")
MOST_NAMED = 8
"""Columns that a message names."""
CONVERSATION_FORMATS = ("messages", "sharegpt", "alpaca", "prompt-completion")


@dataclass(frozen=True)
class Layout:
    """One layout. `keys` are its columns, each with the names that it may have; all of them hold something."""

    name: str
    format: str
    keys: tuple[tuple[str, ...], ...]
    read: Callable[[Row, RowOptions], Row]
    used_by: str
    optional: tuple[str, ...] = SYSTEM_AND_TOOLS
    condition: Callable[[Row], bool] | None = None

    def matches(self, row: Row) -> bool:
        """Whether a row has every column of it."""
        for names in self.keys:
            for name in names:
                if row.get(name) is not None:
                    break
            else:
                return False
        return self.condition is None or self.condition(row)

    def count_keys(self, row: Row) -> int:
        """How many of its columns a row has."""
        return sum(any(row.get(name) is not None for name in names) for names in self.keys)

    @cached_property
    def only_columns(self) -> frozenset[str] | None:
        """The columns that it reads of any row, where each has one name only."""
        named = all(len(names) == 1 for names in self.keys)
        return frozenset((*(names[0] for names in self.keys), *self.optional)) if named else None

    def list_columns(self, row: Row) -> Set[str]:
        """The columns of a row that it reads."""
        if self.only_columns is not None:
            return self.only_columns
        found = (next((n for n in names if row.get(n) is not None), names[0]) for names in self.keys)
        return {*found, *self.optional}

    def select_columns(self, row: Row) -> Row:
        """A row of this layout without the columns that others would read; one that lacks a column as it is."""
        columns = self.list_columns(row)
        if self.format == "prompt" or row.keys() <= columns or not self.matches(row):
            return row
        return {name: value for name, value in row.items() if name in columns}

    def has_columns(self, names: Mapping[str, str]) -> bool:
        """Whether each of these is a column of it."""
        return all(name in self.optional or any(name in key for key in self.keys) for name in names)


def _holds_lists(row: Row) -> bool:
    return isinstance(read.find_first(row, read.CHOSEN_KEYS), list)


def _holds_transcripts(row: Row) -> bool:
    return read.is_transcript(row.get("chosen")) and read.is_transcript(row.get("rejected"))


def _lacks_chosen(row: Row) -> bool:
    return row.get("chosen") is None


def _lacks_prompt(row: Row) -> bool:
    return row.get("prompt") is None


def _has_label(row: Row) -> bool:
    return isinstance(read.read_label(read.find_first(row, read.LABEL_KEYS)), bool)


def _has_several(row: Row) -> bool:
    completion = read.find_first(row, read.COMPLETION_KEYS)
    return isinstance(completion, list) and len(completion) > 1


CHOSEN, REJECTED, LABEL = read.CHOSEN_KEYS, read.REJECTED_KEYS, read.LABEL_KEYS
HISTORY = (*SYSTEM_AND_TOOLS, "history")
ALPACA = (*HISTORY, "input")

LAYOUTS = (
    Layout("messages", "messages", (("messages",),), read.read_conversation,
           "OpenAI, TRL, Axolotl `chat_template`, LLaMA-Factory `openai`, ms-swift"),
    Layout("conversations of from and value", "sharegpt", (("conversations",),), read.read_conversation,
           "LLaMA-Factory `sharegpt`, Axolotl"),
    Layout("conversation of human and assistant", "sharegpt", (("conversation",),), read.read_turn_pairs, "ms-swift",
           condition=lambda row: isinstance(row["conversation"], list)),
    Layout("instruction, input, output", "alpaca", (("instruction",), read.COMPLETION_KEYS[::-1]),
           read.read_question_and_answer, "LLaMA-Factory `alpaca`, Axolotl `alpaca` and `gpteacher`, ms-swift", ALPACA),
    Layout("query, response, history", "prompt-completion", (("query",), ("response", "completion", "answer")),
           read.read_question_and_answer, "ms-swift", HISTORY),
    Layout("prompt, completion", "prompt-completion", (("prompt", "messages"), ("completion", "response", "answer")),
           read.read_question_and_answer, "TRL, ms-swift", HISTORY),
    Layout("question, answer", "prompt-completion", (("question",), ("answer", "response", "completion")),
           read.read_question_and_answer, "Axolotl `alpaca_chat.load_qa` and `load_open_orca`", HISTORY),
    Layout("text", "text", (("text",),), read.read_text, "all three; a line of a .txt file", ()),
    Layout("messages with the assistant's alone", "text", (("messages",),), read.read_text, "ms-swift", ()),
    Layout("input, preferred_output, non_preferred_output", "preference",
           (("input",), ("preferred_output",), ("non_preferred_output",)), read.read_preferred_output, "OpenAI"),
    Layout("messages, rejected_response", "preference", (("messages",), ("rejected_response",)),
           read.read_rejected_beside, "ms-swift", condition=_lacks_chosen),
    Layout("messages, rejected_messages", "preference", (("messages",), ("rejected_messages",)),
           read.read_rejected_beside, "ms-swift", condition=_lacks_chosen),
    Layout("query, response, rejected_response", "preference",
           (("query", "prompt", "question", "instruction"), ("response", "output", "answer", "completion"),
            ("rejected_response",)), read.read_rejected_beside, "ms-swift", ALPACA, _lacks_chosen),
    Layout("conversations, chosen, rejected", "preference", (("conversations",), CHOSEN, REJECTED), read.read_pair,
           "LLaMA-Factory `sharegpt`"),
    Layout("messages, chosen, rejected", "preference", (("messages",), CHOSEN, REJECTED), read.read_pair,
           "Axolotl `chat_template.default`, LLaMA-Factory `openai`", condition=_lacks_prompt),
    Layout("prompt, chosen, rejected", "preference", (("prompt",), CHOSEN, REJECTED), read.read_pair,
           "TRL, UltraFeedback binarized, Axolotl `chatml.ultra` and `prompt_pairs`, `user_defined`",
           (*HISTORY, "messages")),
    Layout("question, chosen, rejected", "preference", (("question",), CHOSEN, REJECTED), read.read_pair,
           "Axolotl `chatml.intel` and `llama3.intel`", HISTORY),
    Layout("query, chosen, rejected", "preference", (("query",), CHOSEN, REJECTED), read.read_pair,
           "ms-swift with `columns`", HISTORY),
    Layout("instruction, input, chosen, rejected", "preference", (("instruction",), CHOSEN, REJECTED), read.read_pair,
           "LLaMA-Factory `alpaca`, Axolotl `chatml.argilla` and `llama3.argilla`", ALPACA),
    Layout("input, chosen, rejected", "preference", (("input",), CHOSEN, REJECTED), read.read_pair,
           "Axolotl `chatml.icr` and `llama3.icr`", HISTORY),
    Layout("instruction, completions with scores", "preference", (("instruction",), ("completions",)),
           read_scored_completions, "UltraFeedback: the best completion against the worst",
           condition=has_scored_completions),
    Layout("two transcripts", "preference", (("chosen",), ("rejected",)), read.read_transcripts, "Anthropic HH",
           condition=_holds_transcripts),
    Layout("two conversations", "preference", (CHOSEN, REJECTED), read.read_pair,
           "TRL, Axolotl `chatml.argilla_chat` and `chat_template.argilla`", condition=_holds_lists),
    Layout("prompt, completion, label", "kto", (("prompt",), read.COMPLETION_KEYS, LABEL), read.read_labelled,
           "TRL, Axolotl `prompt_pairs` and `ultra`", HISTORY, _has_label),
    Layout("question, completion, label", "kto", (("question",), read.COMPLETION_KEYS, LABEL), read.read_labelled,
           "Axolotl `intel`", HISTORY, _has_label),
    Layout("query, response, label", "kto", (("query",), read.COMPLETION_KEYS, LABEL), read.read_labelled,
           "ms-swift", HISTORY, _has_label),
    Layout("instruction, input, output, kto_tag", "kto", (("instruction",), read.COMPLETION_KEYS[::-1], LABEL),
           read.read_labelled, "LLaMA-Factory `alpaca`, Axolotl `argilla`", ALPACA, _has_label),
    Layout("messages, completion, label", "kto", (("messages", "chosen"), ("completion",), LABEL), read.read_labelled,
           "Axolotl `chatml.argilla_chat`", condition=_has_label),
    Layout("completion as a conversation, label", "kto", (("completion",), LABEL), read.read_labelled,
           "Axolotl `llama3.argilla_chat`", condition=lambda row: _has_label(row) and _has_several(row)),
    Layout("messages, label", "kto", (("messages",), LABEL), read.read_labelled,
           "ms-swift, LLaMA-Factory `openai`", condition=_has_label),
    Layout("conversations, kto_tag", "kto", (("conversations",), LABEL), read.read_labelled,
           "LLaMA-Factory `sharegpt`", condition=_has_label),
    Layout("prompt", "prompt", (("prompt",),), read.read_prompt_alone, "TRL"),
    Layout("messages without an answer", "prompt", (("messages",),), read.read_prompt_alone, "ms-swift"),
    Layout("conversations without an answer", "prompt", (("conversations",),), read.read_prompt_alone,
           "LLaMA-Factory `sharegpt`"),
    Layout("query", "prompt", (("query",),), read.read_prompt_alone, "ms-swift", HISTORY),
    Layout("question", "prompt", (("question",),), read.read_prompt_alone, "GSM8K, Axolotl", HISTORY),
    Layout("problem", "prompt", (("problem",),), read.read_prompt_alone, "MATH, NuminaMath", HISTORY),
    Layout("instruction, input", "prompt", (("instruction",),), read.read_prompt_alone, "LLaMA-Factory `alpaca`",
           ALPACA),
)  # fmt: skip
"""In the order in which they are tried within a format."""
FORMATS = ("messages", "sharegpt", "alpaca", "prompt-completion", "text", "preference", "kto", "prompt")
"""As in a recipe's `data.train[].format`."""
LAYOUTS_BY_FORMAT = {
    **{name: tuple(layout for layout in LAYOUTS if layout.format == name) for name in FORMATS},
    ANY_CONVERSATION: tuple(layout for layout in LAYOUTS if layout.format in CONVERSATION_FORMATS),
}
DETECTION_ORDER = ("preference", "kto", *CONVERSATION_FORMATS, "text", "prompt")


def find_layout(row: Row, row_format: str, columns: Mapping[str, str]) -> Layout:
    """The layout of a row, among those of a format; the nearest where it has none's columns."""
    layouts = LAYOUTS_BY_FORMAT[row_format]
    if columns:
        layouts = tuple(layout for layout in layouts if layout.has_columns(columns)) or layouts
    for layout in layouts:
        if layout.matches(row):
            return layout
    return max(layouts, key=lambda layout: layout.count_keys(row))


def detect_format(row: object) -> str | None:
    """The format whose columns a row has; None where it has none's."""
    if not isinstance(row, dict):
        return None
    for name in DETECTION_ORDER:
        if any(layout.matches(row) and _is_certain(layout, row) for layout in LAYOUTS_BY_FORMAT[name]):
            return name
    return None


def _is_certain(layout: Layout, row: Row) -> bool:
    """Whether a layout is the row's and not only could be: a label beside messages may be any number, and a prompt
    beside an empty answer, or beside two answers, is an example that lacks its answer.
    """
    if layout.format == "prompt":
        return not any(name in row for name in read.COMPLETION_KEYS) and not list_compared_columns(row)
    label = read.find_first(row, LABEL)
    return (
        layout.format != "kto"
        or isinstance(label, bool)
        or (isinstance(label, str) and label.lower() in ("true", "false"))
    )


def list_compared_columns(row: Row) -> list[str]:
    """Columns of a row that hold two answers to compare, none of which says that it is the better one."""
    found = [str(name) for name, value in row.items() if value is not None and _COMPARED.fullmatch(str(name).lower())]
    return found if len(found) > 1 else []


def explain_unknown_columns(row: Row, row_format: str = ANY_CONVERSATION) -> str:
    """What to write for a row whose columns are none that a layout has; `row_format` is what is asked for."""
    names = [str(name) for name in row]
    listed = ", ".join(f"`{name[:40]}`" for name in names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")
    if is_single_message(row):
        return 'a row is a single message; write a conversation as one row: {"messages": [ ... ]}'
    if compared := list_compared_columns(row):
        return (
            f"no known layout: the columns are {listed}; which of `{compared[0]}` and `{compared[1]}` is better has to "
            "be the same in each row: write columns `chosen` and `rejected`"
        )
    columns = suggest_columns(row, row_format)
    hints = (_explain_column(str(name), value) for name, value in row.items())
    hint = next((hint for hint in hints if hint), "") or _explain_rows_in_map(row)
    if hint or ("…" in columns and (hint := _explain_texts(row))):
        return f"no known layout: the columns are {listed}; {hint}"
    needed = _NEEDED.get(row_format, "the question's and the answer's")
    return f"no known layout: the columns are {listed}; name {needed}: `columns: {columns}`"


_NEEDED = {
    "text": "the text's",
    "preference": "the prompt's and both answers'",
    "kto": "the prompt's, the answer's and the label's",
    "prompt": "the prompt's",
}
"""Whose names a recipe has to state, by format."""


def is_single_message(row: Row) -> bool:
    """Whether a row is one message of a conversation, which stands over several rows."""
    return any(who in row and any(said in row for said in ("content", "value", "text")) for who in ("role", "from"))


def _explain_column(name: str, value: Any) -> str:
    """What to do with a column that holds a conversation, or rows; empty where it does not."""
    first = value[0] if isinstance(value, list) and value else None
    if isinstance(first, dict) and first.keys() == {"label", "text"}:
        return f"`{name}` is Axolotl's text without a template, which is not read: write each turn as a message"
    if isinstance(first, dict) and {"role", "from"} & first.keys():
        return f"write `columns: {{messages: {name}}}`"
    if isinstance(first, dict) and len(keys := find_turn_keys(value)) == 2:
        return f"write `columns: {{messages: {name}, role: {keys[0]}, content: {keys[1]}}}`"
    if isinstance(value, dict) and (inner := read.find_inner_list(value)):
        return f"write `columns: {{messages: {name}.{inner}}}`"
    if isinstance(first, dict) and detect_format(first):
        return f"the rows are the list under `{name}`; save that list as the file"
    return ""


def _explain_texts(row: Row) -> str:
    for name, value in row.items():
        if isinstance(value, list) and len(value) > 1 and all(isinstance(said, str) for said in value):
            return f"`{name}` is a list of texts: write each turn as a message with `role` and `content`"
    return ""


def _explain_rows_in_map(row: Row) -> str:
    if row and all(isinstance(value, dict) and detect_format(value) for value in row.values()):
        return "each value is a row: save the values as a list"
    return ""


def _is_whole_table(row: Row) -> bool:
    """Whether each value is a map from the numbers of rows, the same ones for each: what pandas' `to_json` writes; or a
    list of texts, of one length.
    """
    if all(isinstance(value, list) and len(value) > 1 for value in row.values()):
        texts = all(isinstance(one, str) for value in row.values() for one in value)
        return texts and len(row) > 1 and len({len(value) for value in row.values()}) == 1
    for value in row.values():
        if not isinstance(value, dict) or not value or "0" not in value:
            return False
    numbers = {tuple(value) for value in row.values()}
    return len(row) > 1 and len(numbers) == 1 and all(name.isdecimal() for name in next(iter(numbers)))


def _is_unknown(row: Row, row_format: str, columns: Mapping[str, str], unread: bool) -> bool:
    """Whether a row's columns have to be named by the recipe: none of them is read, or one of a question and answer."""
    if detect_format(row) is not None:
        return row_format != "text" and is_single_message(row)
    suggested = suggest_columns(row, row_format)
    return unread or (not columns and "…" not in suggested and row_format in (*CONVERSATION_FORMATS, ANY_CONVERSATION))


def arrange_row(row: object, row_format: str, columns: Mapping[str, str], options: RowOptions) -> tuple[Layout, Row]:
    """A row's layout, and the row under the keys of its format. Raises BadRowError."""
    if not isinstance(row, dict):
        raise BadRowError("not a map")
    if _is_whole_table(row):
        raise BadRowError(
            "a whole table by columns; write a row for each: in pandas `to_json(orient='records', lines=True)`"
        )
    named = rename_columns(row, columns)
    layout = find_layout(named, row_format, drop_message_keys(columns))
    unread = not layout.count_keys(named) or list_compared_columns(named)
    if named and not layout.matches(named) and _is_unknown(named, row_format, columns, bool(unread)):
        raise BadRowError(explain_unknown_columns(named, row_format))
    return layout, layout.read(layout.select_columns(named), options)
