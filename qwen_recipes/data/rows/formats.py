"""Rows as people lay them out, read into one form for each kind of objective.

Conversations become {"messages"}, text {"text"}, pairs {"prompt", "chosen", "rejected"}, labelled answers
{"prompt", "completion", "label"} and prompts {"prompt", "columns"}, where prompts are lists of messages, answers are
text, and columns are what a row holds beside its prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .flags import is_trained, remove_flags
from .layout_readers import ALONE_PROMPT_KEYS
from .layouts import ANY_CONVERSATION, CONVERSATION_FORMATS, arrange_row
from .message_forms import PLAIN, RowOptions
from .messages import BadRowError, Message, Row, join_system, normalize_messages, require_answer
from .other_layout import explain_other_layout
from .tool_styles import TOOL_STYLES, ToolStyle


def normalize_row(row: object, row_format: str, columns: Mapping[str, str], options: RowOptions = PLAIN) -> Row:
    """A row of this format in our form. `columns` maps our names to the row's. Raises BadRowError."""
    try:
        layout, arranged = arrange_row(row, row_format, columns, options)
        return normalize_arranged(arranged, layout.format, options)
    except BadRowError as error:
        raise BadRowError(f"{error}{explain_other_layout(row, row_format)}") from None


def normalize_arranged(arranged: Row, row_format: str, options: RowOptions = PLAIN) -> Row:
    """A row under the keys of its format (see `layouts`) in our form. Raises BadRowError."""
    return _READERS[row_format](arranged, TOOL_STYLES[options.tool_style])


def _read_messages(row: Row, style: ToolStyle) -> Row:
    return {"messages": require_answer(_normalize_list(row.get("messages"), row, style))}


def _normalize_list(messages: object, row: Row, style: ToolStyle) -> list[Message]:
    """A list of messages, with the system message and the tool definitions that stand beside it in the row."""
    return normalize_messages(join_system(messages, row.get("system")), row.get("tools"), style)


def _read_text(row: Row, style: ToolStyle) -> Row:
    if not isinstance(row.get("text"), str) or not row["text"]:
        raise BadRowError("no text in `text`")
    return {"text": row["text"]}


def _read_preference(row: Row, style: ToolStyle) -> Row:
    chosen, rejected = row.get("chosen"), row.get("rejected")
    prompt = _prompt_messages(row, style) if row.get("prompt") is not None or row.get("messages") is not None else None
    if prompt is None or _is_list_of_turns(chosen) or _is_list_of_turns(rejected):
        prompt = _shared_prompt(chosen, rejected, row, prompt, style)
    better, worse = _scored_answer(chosen, "chosen", style), _scored_answer(rejected, "rejected", style)
    if better == worse:
        raise BadRowError("chosen and rejected are the same")
    return {"prompt": remove_flags(prompt), "chosen": better, "rejected": worse}


def _read_kto(row: Row, style: ToolStyle) -> Row:
    if row.get("label") is None:
        raise BadRowError("no `label`")
    if not isinstance(row["label"], bool):
        raise BadRowError(f"`label` is true or false, not {str(row['label'])[:40]!r}")
    if row.get("messages") is not None and row.get("completion") is None:
        messages = require_answer(_normalize_list(row["messages"], row, style))
        completion = _scored_answer(messages[-1], "messages", style)
        return {"prompt": remove_flags(messages[:-1]), "completion": completion, "label": row["label"]}
    completion = _scored_answer(row.get("completion"), "completion", style)
    return {"prompt": remove_flags(_prompt_messages(row, style)), "completion": completion, "label": row["label"]}


_PROMPT_COLUMNS = ("prompt", "messages", "conversations", "history", "system", "tools")


def _read_prompt_only(row: Row, style: ToolStyle) -> Row:
    return {
        "prompt": remove_flags(_prompt_messages(row, style)),
        "columns": {name: row[name] for name in row if name not in _PROMPT_COLUMNS},
    }


def list_columns_beside_prompt(row: Row) -> list[str]:
    """Columns of a prompt in our form that are no part of it: reward functions get them, the model does not."""
    columns = row.get("columns") or {}
    asked = [message["content"] for message in row["prompt"]] if columns else []
    read = [
        name
        for name in (*ALONE_PROMPT_KEYS, "input")
        if isinstance(value := columns.get(name), str) and any(value in content for content in asked)
    ]
    return [name for name in columns if name not in read]


def _prompt_messages(row: Row, style: ToolStyle) -> list[Message]:
    prompt = row.get("prompt", row.get("messages"))
    if "prompt" in row and prompt in ("", []):
        raise BadRowError("`prompt` is empty")
    if isinstance(prompt, str):
        prompt = [{"role": "user", "content": prompt}]
    messages = _normalize_list(prompt, row, style)
    if messages[-1]["role"] != "user":
        raise BadRowError("the prompt does not end with the user")
    return messages


def _is_list_of_turns(answer: object) -> bool:
    """Whether an answer is a list with turns before its last: the prompt again, or steps towards the answer."""
    return isinstance(answer, list) and len(answer) > 1


def _shared_prompt(
    chosen: object, rejected: object, row: Row, prompt: list[Message] | None, style: ToolStyle
) -> list[Message]:
    """What stands before the last message of both answers, which has to be the same, and to begin with the prompt.

    Raises BadRowError: turns of one answer alone have no place in a pair.
    """
    if prompt is None and not (isinstance(chosen, list) and isinstance(rejected, list)):
        raise BadRowError("no `prompt`")
    found = []
    for answer in (chosen, rejected):
        turns = answer[:-1] if isinstance(answer, list) else []
        found.append(_normalize_list(turns, row, style) if turns else prompt)
    if found[0] is None and found[1] is None:
        raise BadRowError("no `prompt`")
    if found[0] != found[1] or found[0] is None:
        raise BadRowError("chosen and rejected answer different prompts")
    if prompt is not None and _without_system(found[0])[: len(_without_system(prompt))] != _without_system(prompt):
        raise BadRowError("turns before the last of `chosen` and `rejected` do not begin with `prompt`")
    return prompt if prompt is not None and len(found[0]) < len(prompt) else found[0]


def _without_system(messages: list[Message]) -> list[Message]:
    return messages[1:] if messages and messages[0]["role"] == "system" else messages


def _scored_answer(value: object, name: str, style: ToolStyle) -> str:
    """The text of an answer that is compared or labelled. Raises BadRowError where a flag takes it out of the loss."""
    message = _answer_message(value, name, style)
    if not is_trained(message):
        raise BadRowError(f"a flag takes the answer in `{name}` out of the loss; leave the row out instead")
    return str(message["content"])


def _answer_message(value: object, name: str, style: ToolStyle) -> Message:
    """The assistant's answer, given as text, a message, or a list that ends with it."""
    last = value[-1] if isinstance(value, list) and value else value
    if isinstance(last, dict):
        message = normalize_messages([last], style=style)[0]
        if message["role"] != "assistant":
            raise BadRowError(f"`{name}` is not the assistant's")
        return message
    if not isinstance(last, str) or not last:
        raise BadRowError(f"no text in `{name}`")
    return {"role": "assistant", "content": style.join_calls(last, [])}


_READERS: dict[str, Callable[[Row, ToolStyle], Row]] = {
    **dict.fromkeys((*CONVERSATION_FORMATS, ANY_CONVERSATION), _read_messages),
    "text": _read_text,
    "preference": _read_preference,
    "kto": _read_kto,
    "prompt": _read_prompt_only,
}
