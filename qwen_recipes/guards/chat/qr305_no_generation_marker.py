"""No assistant mask without a generation marker.

What:
TRL's `assistant_only_loss: true` with a chat template that has no `{% generation %}` marker. This guard waits for
the TRL backend; until then it is a page.

Why it matters:
The mask of what the assistant said is read from that marker. None of Qwen's official templates has it, so the mask
is all zeros: nothing would be trained, or every token is, depending on the version.

Evidence:
`return_assistant_tokens_mask=True` on the four official templates, run in transformers 4.57 and 5.23: all zeros and
one log line (QwenLM/Qwen3#1522, huggingface/trl#4879, marin-community/marin#7237). TRL, run: where the tokenizer's
template equals one that it knows byte for byte, it swaps in a training template of its own, for hybrid models since
1.1.0 and for Instruct-2507 since 1.4.0; for Thinking-2507 and any edited template it raises. Its training template
for hybrid models writes a think block into every turn and trains the empty ones. The three backends of today don't
use the marker: they find the assistant's tokens themselves.
To see it again: `research/evidence/assistant_mask.py`.

Instead:
With TRL, pass a copy of the official template with the marker as `chat_template_path`, and ship the original.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """Nothing yet: no backend reads the marker."""
    yield from ()


GUARD = Guard("QR305", "no-generation-marker", "error", "high", __doc__, check, checked_by="trl")
