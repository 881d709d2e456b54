"""Model without a language model head.

What:
The model's config.json names a class without a language model head (`Qwen3ForSequenceClassification`,
`Qwen3ForTokenClassification`, `Qwen3Model`, Guard-Stream's own), or its weights hold no `lm_head`. For a model that is
only known by `like`, the guard goes by its id (`-Embedding`, `Guard-Stream`). Under `objective: reward`: its
classification head has several outputs.

Why it matters:
Frameworks load the model as `Qwen3ForCausalLM` whatever it was saved as. Where embeddings are not tied, they make a new
head of random numbers, with a line in the log, and training begins at the loss of guessing; an adapter leaves the head
random. Where embeddings are tied, the head is the embeddings; a classification head is not loaded, so what is trained
is not the classifier. A reward model has one output: a head with several is refused when it is loaded.

Evidence:
`research/evidence/missing_lm_head.py`: tiny models of each class, saved and loaded by transformers 5.23.0.

Instead:
Start from the language model that it was made from, or the repository's `Qwen3ForCausalLM`. Embedding models and
rerankers are trained by ms-swift with `task_type`, which recipes do not compile.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """A head that is not there, or that has other outputs than are trained."""
    model, where = context.model, context.locate_field()
    saved = f" ({model.saved_as})" if model.saved_as else ""
    instead = "model: the language model that it was made from"
    if context.plan.objective.type == "reward":
        if model.labels > 1 and context.backend.name != "llamafactory":
            message = f"the classification head of {model.id} has {model.labels} outputs, and a reward model has 1"
            yield Violation(where, message, f"{instead}, or save it with num_labels=1")
    elif not model.lm_head:
        message = f"{model.id}{saved} has no language model head: a new one would start from random numbers"
        yield Violation(where, message, instead)
    elif model.labels:
        message = f"{model.id}{saved} is a classifier, and its classification head is not loaded"
        yield Violation(where, message, f"{instead}, or objective: reward")


GUARD = Guard("QR220", "no-lm-head", "error", "high", __doc__, check)
