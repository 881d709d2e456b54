"""What the readers of layouts do: each rewrites a row under the keys of its format, before anything is judged.

Conversations get `messages`, pairs `prompt`, `chosen` and `rejected`, labelled answers `prompt` and `completion` or
`messages`, and `label`. `system` and `tools` stay beside them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .column_hints import find_turn_keys
from .message_forms import RowOptions, arrange_message, arrange_messages, arrange_tools, parse_json_text
from .row import BadRowError, Message, Row, describe_type

SYSTEM_KEYS = ("system", "system_prompt")
TOOL_KEYS = ("tools", "functions")
PROMPT_KEYS = ("prompt", "messages", "conversations", "question", "query", "instruction", "input")
ALONE_PROMPT_KEYS = ("prompt", "messages", "conversations", "query", "question", "problem", "instruction")
COMPLETION_KEYS = ("completion", "response", "answer", "output")
CHOSEN_KEYS = (
    *("chosen", "chosen_response", "chosen_messages", "accepted", "preferred", "winner", "better", "positive"),
    "response_j",
)
REJECTED_KEYS = (
    "rejected",
    "rejected_response",
    "rejected_messages",
    "dispreferred",
    "non_preferred",
    "loser",
    "worse",
    "negative",
    "response_k",
)
LABEL_KEYS = ("label", "kto_tag")
ALPACA_WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
)
ALPACA_WITHOUT_INPUT = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Response:\n"
)
LABEL_WORDS = {
    **dict.fromkeys(("true", "1", "1.0"), True),
    **dict.fromkeys(("false", "0", "0.0"), False),
}
"""Labels as text, as CSV has them."""
_TRANSCRIPT_MARK = re.compile(r"(?<!\s)(\s*)(Human|Assistant):")
"""What a turn of a transcript begins with; behind another turn, there is a blank line before it."""


def find_first(row: Row, keys: Sequence[str]) -> object:
    """The first of these columns that holds anything."""
    return next((row[key] for key in keys if row.get(key) is not None), None)


def read_conversation(row: Row, options: RowOptions) -> Row:
    """`messages` or `conversations`, whichever way its messages are written. Raises BadRowError."""
    name = next((key for key in ("messages", "conversations") if row.get(key) is not None), "messages")
    if pairs := _read_pairs(row.get(name)):
        return _finish(row, {"messages": pairs})
    arranged = arrange_messages(row.get(name), options.roles)
    if why := _explain_no_messages(name, arranged, row.get(name)):
        raise BadRowError(why)
    return _finish(row, {"messages": arranged})


def _explain_no_messages(name: str, arranged: Any, column: Any) -> str:
    """What to write where a column for messages holds something else; empty where it holds messages, or nothing."""
    if isinstance(arranged, dict):
        inner = find_inner_list(arranged)
        instead = f"write `columns: {{messages: {name}.{inner}}}`" if inner else "put the messages into a list: [ ... ]"
        return f"`{name}` is a map, not a list of messages: {instead}"
    if isinstance(arranged, str):
        if arranged.lstrip().startswith("[{'"):
            return f"`{name}` is a list in Python's notation, not JSON: write it with `json.dumps`"
        return f"`{name}` is text, not a list of messages"
    first = column[0] if isinstance(column, list) and column else None
    if isinstance(first, dict) and not {"role", "from"} & first.keys():
        keys, columns = ", ".join(f"`{str(key)[:40]}`" for key in list(first)[:8]), find_turn_keys(column)
        instead = f"; write `columns: {{role: {columns[0]}, content: {columns[1]}}}`" if len(columns) == 2 else ""
        return f"a message in `{name}` has no `role`: its keys are {keys}{instead}"
    return ""


def find_inner_list(value: dict[str, Any]) -> str:
    """The key of a map that holds a conversation; empty where none does."""
    return next((key for key in ("messages", "conversations", "conversation") if isinstance(value.get(key), list)), "")


def read_turn_pairs(row: Row, options: RowOptions) -> Row:
    """`conversation`: a list of maps with a question and its answer."""
    pairs = row.get("conversation")
    return _finish(row, {"messages": _read_pairs(pairs) or arrange_messages(pairs, options.roles)})


def _read_pairs(pairs: Any) -> list[Message]:
    """The messages of a list of maps that hold a question and its answer; none where it is no such list."""
    first = pairs[0] if isinstance(pairs, list) and pairs else None
    if not isinstance(first, dict) or "role" in first or "from" in first:
        return []
    for asked, answered in _PAIR_KEYS:
        if all(isinstance(pair, dict) and {asked, answered} <= pair.keys() for pair in pairs):
            names = (("system", "system"), ("user", asked), ("assistant", answered))
            return [{"role": who, "content": pair[name]} for pair in pairs for who, name in names if pair.get(name)]
    return []


_PAIR_KEYS = (
    *(("human", "assistant"), ("input", "output"), ("user", "assistant"), ("human", "gpt")),
    *(("prompt", "response"), ("question", "answer")),
)
"""The names of a question and its answer: ms-swift's, XTuner's (Capybara), and those of people's own files."""


def read_question_and_answer(row: Row, options: RowOptions) -> Row:
    """A prompt and what answers it, both text or messages. Raises BadRowError."""
    prompt = read_prompt(row, PROMPT_KEYS, options)
    answer = _strip_in_transcript(row, read_answer(row, COMPLETION_KEYS, options))
    if answer is None or (answer == "" and row.get("instruction") is None):
        name = next((key for key in COMPLETION_KEYS if key in row), "output" if "instruction" in row else "completion")
        raise BadRowError(f"no text in `{name}`")
    if prompt is None:
        raise BadRowError("no `prompt`")
    answers = [{"role": "assistant", "content": answer}] if isinstance(answer, str) else answer
    listed = answers if isinstance(answers, list) else [answers]
    return _finish(row, {"messages": [*prompt, *listed] if isinstance(prompt, list) else prompt})


def read_pair(row: Row, options: RowOptions) -> Row:
    """Two answers to compare, and the prompt where it stands apart. Raises BadRowError."""
    made = {
        "chosen": _strip_in_transcript(row, read_answer(row, CHOSEN_KEYS, options)),
        "rejected": _strip_in_transcript(row, read_answer(row, REJECTED_KEYS, options)),
    }
    prompt = read_prompt(row, PROMPT_KEYS, options)
    return _finish(row, {**({} if prompt is None else {"prompt": prompt}), **made})


def read_rejected_beside(row: Row, options: RowOptions) -> Row:
    """A conversation whose answer was chosen, beside the one that was rejected. Raises BadRowError."""
    read = read_conversation if row.get("messages") is not None else read_question_and_answer
    chosen = read(row, options)["messages"]
    if not isinstance(chosen, list) or not chosen:
        return {"prompt": chosen, "chosen": None, "rejected": None}
    rejected = read_answer(row, ("rejected_response",), options)
    if row.get("rejected_messages") is not None:
        made: Row = {"chosen": chosen, "rejected": arrange_messages(row["rejected_messages"], options.roles)}
    elif isinstance(rejected, list):
        asked = max((at for at, m in enumerate(chosen) if _role_of(m) == "user"), default=-1) + 1
        made = {"chosen": chosen, "rejected": [*chosen[:asked], *rejected]}
    else:
        made = {"prompt": chosen[:-1], "chosen": chosen[-1], "rejected": rejected}
    return _finish(row, made)


def read_preferred_output(row: Row, options: RowOptions) -> Row:
    """OpenAI's pairs: `input` with messages and tools, and a list for each output. Raises BadRowError."""
    asked = parse_json_text(row.get("input"), "{")
    given = asked if isinstance(asked, dict) else {"messages": asked}
    made = {
        "prompt": arrange_messages(given.get("messages"), options.roles),
        "chosen": read_answer(row, ("preferred_output",), options),
        "rejected": read_answer(row, ("non_preferred_output",), options),
    }
    return _finish({**row, "tools": given.get("tools")}, made)


def read_transcripts(row: Row, options: RowOptions) -> Row:
    """Two whole conversations as text, each turn after `Human:` or `Assistant:`. Raises BadRowError."""
    return _finish(row, {name: split_transcript(row[name], name) for name in ("chosen", "rejected")})


def is_transcript(value: object) -> bool:
    """Whether a text is a conversation that begins with `Human:`."""
    return isinstance(value, str) and _TRANSCRIPT_MARK.match(value) is not None


def split_transcript(text: str, name: str) -> list[Message]:
    """The messages of such a text. Raises BadRowError."""
    marks = [mark for mark in _TRANSCRIPT_MARK.finditer(text) if not mark.start() or "\n\n" in mark[1]]
    if text[: marks[0].start() if marks else None].strip():
        raise BadRowError(f"`{name}` does not begin with `Human:`")
    roles = {"Human": "user", "Assistant": "assistant"}
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    return [
        {"role": roles[mark[2]], "content": text[mark.end() : end].strip()}
        for mark, end in zip(marks, ends, strict=True)
    ]


def read_labelled(row: Row, options: RowOptions) -> Row:
    """An answer and whether it is good; the prompt apart, or all of it one conversation. Raises BadRowError."""
    label = find_first(row, LABEL_KEYS)
    completion = _strip_in_transcript(row, read_answer(row, COMPLETION_KEYS, options))
    if completion is None:
        made: Row = {"messages": read_conversation(row, options)["messages"]}
    elif isinstance(completion, list) and len(completion) > 1:
        made = {"messages": completion}
    else:
        asked = row if find_first(row, PROMPT_KEYS) is not None else {**row, "prompt": row.get("chosen")}
        made = {"prompt": read_prompt(asked, PROMPT_KEYS, options), "completion": completion}
    return _finish(row, {**made, "label": read_label(label)})


def read_label(label: object) -> object:
    """A label as true or false, where it is one: 0, 1 and the words of CSV too."""
    if isinstance(label, str):
        return LABEL_WORDS.get(label.strip().lower(), label)
    return bool(label) if label in (0, 1) else label


def read_prompt_alone(row: Row, options: RowOptions) -> Row:
    """A prompt that the model answers itself, and every other column. An answer that a conversation ends with is left
    out, as ms-swift does.
    """
    prompt = read_prompt(row, ALONE_PROMPT_KEYS, options)
    if row.get("prompt") is None and isinstance(prompt, list) and prompt and _role_of(prompt[-1]) == "assistant":
        prompt = prompt[:-1]
    return _finish(row, {**row, "prompt": prompt})


def read_text(row: Row, options: RowOptions) -> Row:
    """Text as it stands, or the only message of a conversation, the assistant's."""
    messages = row.get("messages")
    if row.get("text") is None and isinstance(messages, list) and len(messages) == 1:
        only = arrange_message(messages[0], options.roles)
        return {"text": only.get("content") if isinstance(only, dict) else None}
    return {"text": row.get("text")}


def read_prompt(row: Row, keys: Sequence[str], options: RowOptions) -> object:
    """The messages before an answer, `history` first; None where the row has no prompt. Raises BadRowError."""
    name = next((key for key in keys if row.get(key) is not None), None)
    if name is None:
        return None
    value = parse_json_text(row[name], "[") if name in ("messages", "conversations") else row[name]
    if isinstance(value, (list, dict)):
        return arrange_messages(value if isinstance(value, list) else [value], options.roles)
    if name == "prompt" and _is_open_transcript(value):
        return split_transcript(value.rstrip().removesuffix("Assistant:"), name)
    if name == "instruction":
        value = write_instruction(value, row.get("input"), options.prompt_style)
    asked = [{"role": "user", "content": value}] if value != "" else []
    return [*_read_history(row.get("history"), options), *asked]


def write_instruction(instruction: object, extra: object, style: str) -> object:
    """An instruction with its input, one below the other or in the words of Alpaca's own prompt."""
    if not isinstance(instruction, str):
        return instruction
    if extra and not isinstance(extra, (str, int, float)):
        raise BadRowError(f"`input` is {describe_type(extra)}, not text: write it as text, e.g. as JSON in quotes")
    if style == "alpaca":
        text = ALPACA_WITH_INPUT if extra else ALPACA_WITHOUT_INPUT
        return text.format(instruction=instruction, input=extra)
    return f"{instruction}\n{extra}" if extra and instruction else extra or instruction


def _is_open_transcript(value: Any) -> bool:
    """Whether a text is a conversation in HH's form that the assistant is to go on with."""
    return is_transcript(value) and value.rstrip().endswith("\n\nAssistant:")


def _strip_in_transcript(row: Row, answer: object) -> Any:
    """An answer without the blank that stands after `Assistant:`, where the prompt is such a conversation."""
    return answer.strip() if isinstance(answer, str) and _is_open_transcript(row.get("prompt")) else answer


def _read_history(history: object, options: RowOptions) -> list[Message]:
    history = parse_json_text(history, "[")
    if not history:
        return []
    if isinstance(history, list) and all(isinstance(one, dict) for one in history):
        return list(arrange_messages(history, options.roles))
    if not isinstance(history, list) or not all(isinstance(one, (list, tuple)) and len(one) == 2 for one in history):
        raise BadRowError("`history` is a list of pairs, a question and its answer")
    return [
        {"role": role, "content": text}
        for pair in history
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]


def read_answer(row: Row, keys: Sequence[str], options: RowOptions) -> object:
    """The answer in the first of these columns that holds anything. Raises BadRowError where it can't be one."""
    name = next((key for key in keys if row.get(key) is not None), None)
    if name is None:
        return None
    value = row[name]
    if not isinstance(value, (str, dict, list)):
        raise BadRowError(f"`{name}` is {describe_type(value)}, not text: write it in quotes")
    if isinstance(value, list) and value and not any(isinstance(one, dict) for one in value):
        raise BadRowError(f"`{name}` is a list of {describe_type(value[0])}: an answer is text, or a list of messages")
    return arrange_answer(value, options)


def arrange_answer(value: object, options: RowOptions) -> object:
    """An answer, which is text, a message or a list of messages."""
    if isinstance(value, list):
        return arrange_messages(value, options.roles)
    return arrange_message(value, options.roles)


def _finish(row: Row, arranged: Row) -> Row:
    """What was read, with the row's tools and its system message."""
    if beside := find_first(row, SYSTEM_KEYS):
        arranged["system"] = beside
    if tools := arrange_tools(find_first(row, TOOL_KEYS)):
        arranged["tools"] = tools
    return arranged


def _role_of(message: object) -> object:
    return message.get("role") if isinstance(message, dict) else None
