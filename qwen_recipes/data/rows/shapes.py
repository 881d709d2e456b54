"""Rows in the shape that a framework reads, from our one form (see formats)."""

from __future__ import annotations

import json
from collections.abc import Callable

from .encode import TURN_START, Segment, to_columns
from .flags import is_trained, remove_flags
from .messages import BadRowError, Message, Row
from .ms_swift_turns import build_ms_swift_messages
from .preference_shapes import PREFERENCE_SHAPES
from .renderer import RowRenderer

Shape = Callable[[Row, RowRenderer], Row]


def to_segments(row: Row, renderer: RowRenderer) -> Row:
    """The text, cut where loss begins and ends (Axolotl's `input_output`). Raises BadRowError."""
    cut = _leave_out_first_mark(renderer.split_row_for_packs(row))
    return {"segments": [{"text": text, "label": trained} for text, trained in cut]}


def to_loss_messages(row: Row, renderer: RowRenderer) -> Row:
    """The text as a conversation: what carries loss is the assistant's (LLaMA-Factory's `empty` template).

    What is too long is cut here: LLaMA-Factory would cut question and answer in shares. Raises BadRowError.
    """
    cut = _leave_out_first_mark(renderer.split_row_within_limit(row))
    made = [{"role": "assistant" if s.in_loss else "user", "content": s.text} for s in cut]
    return {"messages": made if cut[-1].in_loss else [*made, _assistant_message("")]}


def _leave_out_first_mark(cut: list[Segment]) -> list[Segment]:
    """The mark that begins a conversation out of the loss: in a pack the example before would predict it."""
    if not cut[0].in_loss or not cut[0].text.startswith(TURN_START):
        return cut
    return [Segment(TURN_START, False), Segment(cut[0].text.removeprefix(TURN_START), True), *cut[1:]]


def to_ms_swift_turns(row: Row, renderer: RowRenderer) -> Row:
    """The text without the marks around turns, which ms-swift's template adds. Raises BadRowError."""
    return {"messages": build_ms_swift_messages(renderer.split_row(row))}


def to_tokenized(row: Row, renderer: RowRenderer) -> Row:
    """Ids and labels, two lists of one length, no longer than the sequence length. Raises BadRowError."""
    return to_columns(renderer.encode_row(row))


def to_tokenized_text(row: Row, renderer: RowRenderer) -> Row:
    """Ids and labels as the text of an answer, for our template of ms-swift (rows/ms_swift_template.py).

    Raises BadRowError.
    """
    encoded = renderer.encode_row(row)
    said = json.dumps({"input_ids": encoded.ids, "labels": encoded.labels})
    return {"messages": [{"role": "user", "content": "tokenized"}, _assistant_message(said)]}


def to_messages(row: Row, renderer: RowRenderer) -> Row:
    """A conversation. Raises BadRowError where a turn of it carries no loss, which this form can't say."""
    if not all(is_trained(m) for m in row["messages"] if m["role"] == "assistant"):
        raise BadRowError("unsupported: a turn without loss in this form; `chat.encoding: exact` accepts this row")
    return {"messages": remove_flags(row["messages"])}


def to_marked_messages(row: Row, renderer: RowRenderer) -> Row:
    """A conversation whose messages say whether they are trained on (Axolotl's `message_field_training`)."""
    return {"messages": [{**m, "train": kept} for m, kept in _list_trained(row, renderer)]}


def _list_trained(row: Row, renderer: RowRenderer) -> list[tuple[Message, bool]]:
    """Each message, and whether it carries loss by `train_on` and its flags."""
    train_on, last = renderer.loss_rule.train_on, len(row["messages"]) - 1
    kept = [
        is_trained(m) and (train_on == "all" or (m["role"] == "assistant" and (train_on == "assistant" or at == last)))
        for at, m in enumerate(row["messages"])
    ]
    return list(zip(remove_flags(row["messages"]), kept, strict=True))


def to_text(row: Row, renderer: RowRenderer) -> Row:
    """Plain text; cut here where the framework would cut at the end of a pack, which is longer."""
    return {"text": renderer.cut_text_for_packs(row["text"])}


def to_pair(row: Row, renderer: RowRenderer) -> Row:
    """The prompt and two messages that answer it (LLaMA-Factory)."""
    return {
        "messages": row["prompt"],
        "chosen": _assistant_message(row["chosen"]),
        "rejected": _assistant_message(row["rejected"]),
    }


def to_rejected_response(row: Row, renderer: RowRenderer) -> Row:
    """The conversation with the better answer, and the worse answer (ms-swift)."""
    return {"messages": [*row["prompt"], _assistant_message(row["chosen"])], "rejected_response": row["rejected"]}


def to_rendered_pair(row: Row, renderer: RowRenderer) -> Row:
    """Prompt and answers as the text that the model sees (Axolotl)."""
    prompt, chosen = renderer.render_prompt_and_answer(row["prompt"], row["chosen"])
    return {
        "prompt": prompt,
        "chosen": chosen,
        "rejected": renderer.render_prompt_and_answer(row["prompt"], row["rejected"])[1],
    }


def to_full_conversations(row: Row, renderer: RowRenderer) -> Row:
    """Two whole conversations, the system message apart (Axolotl's ORPO)."""
    system, turns = _split_system(row["prompt"])
    made = {
        "chosen": [*turns, _assistant_message(row["chosen"])],
        "rejected": [*turns, _assistant_message(row["rejected"])],
    }
    return {"system": system, **made}


def to_single_turn(row: Row, renderer: RowRenderer) -> Row:
    """One question and two answers (Axolotl's reward model). Raises BadRowError for longer conversations."""
    system, turns = _split_system(row["prompt"])
    if len(turns) != 1:
        raise BadRowError("Axolotl's reward model takes one question, not a conversation")
    return {"system": system, "input": turns[0]["content"], "chosen": row["chosen"], "rejected": row["rejected"]}


def to_labelled(row: Row, renderer: RowRenderer) -> Row:
    """A conversation and whether its last answer is good."""
    return {"messages": [*row["prompt"], _assistant_message(row["completion"])], "label": row["label"]}


def to_rendered_label(row: Row, renderer: RowRenderer) -> Row:
    """Prompt and answer as the text that the model sees, and whether it is good (Axolotl's KTO)."""
    prompt, completion = renderer.render_prompt_and_answer(row["prompt"], row["completion"])
    return {"prompt": prompt, "completion": completion, "label": row["label"]}


def to_prompt(row: Row, renderer: RowRenderer) -> Row:
    """A prompt, and what its rewards may ask for as JSON (ms-swift)."""
    return {"messages": row["prompt"], "columns": _columns_json(row)}


def to_rendered_prompt(row: Row, renderer: RowRenderer) -> Row:
    """A prompt as the text that the model sees and as messages, and what its rewards may ask for (Axolotl)."""
    return {"prompt": renderer.render(row["prompt"], prompt=True), **to_prompt(row, renderer)}


def _columns_json(row: Row) -> str:
    """One text, so that no framework guesses at types or takes a name for one of its own."""
    return json.dumps(row["columns"], ensure_ascii=False, default=str)


def _assistant_message(content: str) -> Message:
    return {"role": "assistant", "content": content}


def _split_system(prompt: list[Message]) -> tuple[str, list[Message]]:
    if prompt[0]["role"] == "system":
        return prompt[0]["content"], prompt[1:]
    return "", prompt


SHAPES: dict[str, Shape] = {
    "messages": to_messages,
    "marked-messages": to_marked_messages,
    "segments": to_segments,
    "spoken": to_loss_messages,
    "turns": to_ms_swift_turns,
    "tokenized": to_tokenized,
    "tokenized-text": to_tokenized_text,
    "text": to_text,
    "pair": to_pair,
    "rejected": to_rejected_response,
    "rendered-pair": to_rendered_pair,
    "threads": to_full_conversations,
    "turn": to_single_turn,
    "labelled": to_labelled,
    "rendered-label": to_rendered_label,
    "prompt": to_prompt,
    "rendered-prompt": to_rendered_prompt,
    **PREFERENCE_SHAPES,
}
