"""Rows in the shape that a framework reads, from our one form (see layouts)."""

from __future__ import annotations

import json
from collections.abc import Callable

from .encode import START, Segment, as_columns
from .measure import Renderer
from .messages import BadRow, Message, Row
from .turns import turns

Shape = Callable[[Row, Renderer], Row]


def segments(row: Row, renderer: Renderer) -> Row:
    """The text, cut where loss begins and ends (Axolotl's `input_output`)."""
    return {"segments": [{"text": text, "label": trained} for text, trained in renderer.segments(row)]}


def spoken(row: Row, renderer: Renderer) -> Row:
    """The text as a conversation: what carries loss is the assistant's (LLaMA-Factory's `empty` template).

    What is too long is cut here: LLaMA-Factory would cut question and answer in shares.
    """
    cut = renderer.fitting(row)
    if cut[0].trained:  # everything is: the first mark, and the rest
        cut = [Segment(START, False), Segment(cut[0].text.removeprefix(START), True)]
    made = [{"role": "assistant" if s.trained else "user", "content": s.text} for s in cut]
    return {"messages": made if cut[-1].trained else [*made, _said("")]}


def in_turns(row: Row, renderer: Renderer) -> Row:
    """The text without the marks around turns, which ms-swift's template adds. Raises BadRow."""
    return {"messages": turns(renderer.segments(row))}


def tokenized(row: Row, renderer: Renderer) -> Row:
    """Ids and labels, no longer than the sequence length."""
    return as_columns(renderer.encode(row))


def tokenized_text(row: Row, renderer: Renderer) -> Row:
    """Ids and labels as the text of an answer, for our template of ms-swift (rows/ms_swift_template.py)."""
    encoded = renderer.encode(row)
    said = json.dumps({"input_ids": encoded.ids, "labels": encoded.labels})
    return {"messages": [{"role": "user", "content": "tokenized"}, _said(said)]}


def messages(row: Row, renderer: Renderer) -> Row:
    """A conversation."""
    return {"messages": row["messages"]}


def last_turn(row: Row, renderer: Renderer) -> Row:
    """A conversation whose messages say whether they are trained on: only the last is."""
    last = len(row["messages"]) - 1
    return {"messages": [{**message, "train": index == last} for index, message in enumerate(row["messages"])]}


def text(row: Row, renderer: Renderer) -> Row:
    """Plain text."""
    return {"text": row["text"]}


def pair(row: Row, renderer: Renderer) -> Row:
    """The prompt and two messages that answer it (LLaMA-Factory)."""
    return {"messages": row["prompt"], "chosen": _said(row["chosen"]), "rejected": _said(row["rejected"])}


def rejected(row: Row, renderer: Renderer) -> Row:
    """The conversation with the better answer, and the worse answer (ms-swift)."""
    return {"messages": [*row["prompt"], _said(row["chosen"])], "rejected_response": row["rejected"]}


def rendered_pair(row: Row, renderer: Renderer) -> Row:
    """Prompt and answers as the text that the model sees (Axolotl)."""
    prompt, chosen = renderer.split(row["prompt"], row["chosen"])
    return {"prompt": prompt, "chosen": chosen, "rejected": renderer.split(row["prompt"], row["rejected"])[1]}


def threads(row: Row, renderer: Renderer) -> Row:
    """Two whole conversations, the system message apart (Axolotl's ORPO)."""
    system, turns = _without_system(row["prompt"])
    made = {"chosen": [*turns, _said(row["chosen"])], "rejected": [*turns, _said(row["rejected"])]}
    return {"system": system, **made}


def turn(row: Row, renderer: Renderer) -> Row:
    """One question and two answers (Axolotl's reward model). Raises BadRow for longer conversations."""
    system, turns = _without_system(row["prompt"])
    if len(turns) != 1:
        raise BadRow("Axolotl's reward model takes one question, not a conversation")
    return {"system": system, "input": turns[0]["content"], "chosen": row["chosen"], "rejected": row["rejected"]}


def labelled(row: Row, renderer: Renderer) -> Row:
    """A conversation and whether its last answer is good."""
    return {"messages": [*row["prompt"], _said(row["completion"])], "label": row["label"]}


def rendered_label(row: Row, renderer: Renderer) -> Row:
    """Prompt and answer as the text that the model sees, and whether it is good (Axolotl's KTO)."""
    prompt, completion = renderer.split(row["prompt"], row["completion"])
    return {"prompt": prompt, "completion": completion, "label": row["label"]}


def prompt(row: Row, renderer: Renderer) -> Row:
    """A prompt, and what its rewards may ask for as JSON (ms-swift)."""
    return {"messages": row["prompt"], "columns": _columns(row)}


def rendered_prompt(row: Row, renderer: Renderer) -> Row:
    """A prompt as the text that the model sees and as messages, and what its rewards may ask for (Axolotl)."""
    return {"prompt": renderer.render(row["prompt"], prompt=True), **prompt(row, renderer)}


def _columns(row: Row) -> str:
    """One text, so that no framework guesses at types or takes a name for one of its own."""
    return json.dumps(row["columns"], ensure_ascii=False, default=str)


def _said(content: str) -> Message:
    return {"role": "assistant", "content": content}


def _without_system(prompt: list[Message]) -> tuple[str, list[Message]]:
    if prompt[0]["role"] == "system":
        return prompt[0]["content"], prompt[1:]
    return "", prompt


SHAPES: dict[str, Shape] = {
    "messages": messages,
    "last-turn": last_turn,
    "segments": segments,
    "spoken": spoken,
    "turns": in_turns,
    "tokenized": tokenized,
    "tokenized-text": tokenized_text,
    "text": text,
    "pair": pair,
    "rejected": rejected,
    "rendered-pair": rendered_pair,
    "threads": threads,
    "turn": turn,
    "labelled": labelled,
    "rendered-label": rendered_label,
    "prompt": prompt,
    "rendered-prompt": rendered_prompt,
}
