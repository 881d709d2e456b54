"""Control tokens in the text.

What:
`<|im_end|>`, `<|endoftext|>`, `<|im_start|>` and the like are in the text of a message, or think tags are in a
question; or a row of plain text is a conversation that was rendered already (`<|im_start|>`).

Why it matters:
The tokenizer turns these texts into the real control tokens wherever they occur. `<|im_end|>` in a text ends the turn
in the middle of a sentence, and the model learns to stop there. Of a rendered conversation, every token is in the
loss, the questions and the template's marks too.

Evidence:
Tested with the official templates and tokenizer (`tests/unit/guards/test_row_guards.py`): `<|im_end|>` in
a question has id 151645.

Instead:
Remove them, or separate them with spaces (`<| im_end |>`). Most come from text that was rendered already: use the
messages instead, with `objective: sft`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qwen_recipes.guards.rows.base import RowViolation, make_row_guard
from qwen_recipes.qwen.tokenizer_files import SPECIAL_TOKENS

if TYPE_CHECKING:
    from qwen_recipes.data.parsed_row import ParsedRow

CONTROL_TOKEN_PATTERN = re.compile(
    "|".join(map(re.escape, (*SPECIAL_TOKENS, "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>")))
)
RENDERED_TURN_PATTERN = re.compile(r"<\|im_start\|>(?:system|user|assistant|tool)\b")
THINK_TAG_PATTERN = re.compile("</?think>")


def check(row: ParsedRow) -> Iterator[RowViolation]:
    """The first control token in somebody's words."""
    if "<|" not in row.all_text and "think>" not in row.all_text:
        return
    for turn in row.turns:
        content = turn.get("content")
        if not isinstance(content, str):
            continue
        found = CONTROL_TOKEN_PATTERN.search(content) or (
            THINK_TAG_PATTERN.search(content) if turn.get("role") in ("user", "system") else None
        )
        if row.row_format == "text":
            found = RENDERED_TURN_PATTERN.search(content)
        if found and row.row_format == "text":
            yield RowViolation("a rendered conversation: all of it is in the loss, the questions too", content)
            return
        if found:
            yield RowViolation(
                f"{found[0]} in the text of the {turn.get('role')}", content[max(0, found.start() - 40) :]
            )
            return


GUARD = make_row_guard("QR508", "control-tokens", "warning", __doc__, check)
