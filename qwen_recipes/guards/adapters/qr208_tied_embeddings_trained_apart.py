"""One of two tied embeddings.

What:
The input embedding and the output head of the model are one weight (0.6B, 1.7B, 4B), and `modules_to_save` names only
one of them, or both with a backend that trains and saves them separately.

Why it matters:
Each module to save becomes a separate copy. The copies diverge, and the result depends on the loader: a merge keeps
one of them, or loading ties them again, and half of the training is lost silently.

Evidence:
huggingface/transformers#45127, hiyouga/LlamaFactory#6749 (naming one alone did not converge),
unslothai/unsloth#3428; unslothai/unsloth#9331 measured the merged head: 5.9 off without weight tying, 0.0 with it.
Tested with Axolotl 0.21.0: with both modules named and no weight tying, the merge kept only `embed_tokens`, so the
compiler turns tying on (`peft_ensure_weight_tying`). Tested with ms-swift 4.6.0: both are merged correctly, as two
weights. Tested with LLaMA-Factory 0.9.5: the merged model has a separate head, but its config.json says that the
weights are tied; transformers 5.6 loads it, older versions and other loaders do not.

Instead:
Name both: `modules_to_save: [embed_tokens, lm_head]`, with Axolotl or ms-swift. Or name neither. Models of 8B and
more have two separate weights and are not affected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qwen_recipes.finding import Route
from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

TIED_MODULES = ("embed_tokens", "lm_head")
UNTYING_BACKENDS = ("llamafactory",)
"""Backends that save the two as two weights, and say that they are one."""


def check(context: GuardContext) -> Iterator[Violation]:
    """Tied embeddings, of which one is trained, or both apart."""
    plan = context.plan
    if not (plan.model.tied and plan.method.adapter):
        return
    yield from _check_modules(context, plan.method.modules_to_save, ("method", "modules_to_save"))
    native = context.get_native_value("modules_to_save")
    names = native.split(",") if isinstance(native, str) else native
    if isinstance(names, list):
        yield from _check_modules(
            context, [str(name).strip() for name in names], context.get_native_route("modules_to_save")
        )


def _check_modules(context: GuardContext, modules: Sequence[str], route: Route) -> Iterator[Violation]:
    named = [name for name in TIED_MODULES if name in modules]
    if not named or (len(named) == 2 and context.backend.name not in UNTYING_BACKENDS):
        return
    if context.backend.name in UNTYING_BACKENDS:
        message = f"{context.backend.title} trains and saves {' and '.join(named)} apart from what it is tied to"
        yield Violation(
            route, message if len(named) == 1 else message.replace("what it is tied to", "each other"), "name neither"
        )
        return
    fix = Fix((("method.modules_to_save", list(TIED_MODULES)),), safe=False) if route[0] == "method" else None
    yield Violation(
        route, f"{named[0]} is tied to the other, which is not saved", f"modules_to_save: {list(TIED_MODULES)}", fix
    )


GUARD = Guard("QR208", "one-of-tied-embeddings", "error", "high", __doc__, check)
