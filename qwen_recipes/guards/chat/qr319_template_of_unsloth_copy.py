"""Chat template of Unsloth's copy.

What:
Unsloth trains an Instruct-2507 model. It loads its own copy of the model, whose tokenizer has a different
chat template.

Why it matters:
That template puts an empty think block into an answer, which Instruct-2507 models do not use. With a tokenizer that
Unsloth has loaded, the adapter gets prompts that it was not trained on.

Evidence:
unslothai/unsloth#3383 is open; unslothai/unsloth#3552, closed, reports the same for the 4B and 30B-A3B models of 2507.
Tested with Unsloth's templates up to 2026.10.9: `qwen3-instruct` renders Qwen's official text, `qwen3` adds the empty
block.
What is compiled is not affected: rows are rendered by the official template, and `run.sh` saves it beside the weights.

Instead:
Load the tokenizer from the run's output folder. In Python, name the template:
`get_chat_template(tokenizer, chat_template="qwen3-instruct")`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation

LAST_KNOWN = "2026.10.9"


def check(context: GuardContext) -> Iterator[Violation]:
    """Conversations for an Instruct-2507 model."""
    if context.plan.objective.chat and context.plan.model.variant == "instruct-2507":
        yield Violation(
            context.locate_field("model.id"),
            f"the tokenizer of {context.backend.title}'s copy of this model adds empty think blocks",
            "load the tokenizer from the run's output folder, where the official template is saved",
        )


GUARD = Guard(
    "QR319", "unsloth-template", "advice", "medium", __doc__, check, ("unsloth",), {"unsloth": f"<={LAST_KNOWN}"}
)
