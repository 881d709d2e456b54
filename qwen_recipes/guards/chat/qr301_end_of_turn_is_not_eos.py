"""End of turn is not the end of sequence.

What:
The compiler writes `<|im_end|>` into the config as the end of sequence, which the saved tokenizer then has too. Native
keys under `backends.*.extra` contradict it.

Why it matters:
Qwen3's templates end every turn with `<|im_end|>`, but the tokenizer of a Base model has `<|endoftext|>` as its end
of sequence. With that, the end of a turn is not in the loss, or generation never stops there, and the model keeps
talking after its answer.

Evidence:
QwenLM/Qwen3#1064, QwenLM/Qwen3#927, hiyouga/LlamaFactory#7943. Tested with Axolotl 0.21: with the Base tokenizer,
`<|im_end|>` got the label -100 until `eot_tokens` named it.
To reproduce: `research/evidence/base_end_of_turn.py`, and
`research/evidence/axolotl_base_end_of_turn.py` inside Axolotl.

Instead:
Remove the keys that name another end of sequence or empty the list of end-of-turn tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qwen_recipes.guards.base import Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """Native keys that would replace the end of a turn."""
    eos = context.plan.chat.eos
    for key, value in context.plan.extra.items():
        if not _keeps_end_of_turn(key, value, eos):
            yield Violation(
                ("backends", context.backend.name, "extra", key),
                f"`{key}` removes {eos} as the end of a turn",
                f"remove `{key}`",
            )


def _keeps_end_of_turn(key: str, value: object, eos: str) -> bool:
    if key == "special_tokens":
        return isinstance(value, Mapping) and bool(value.get("eos_token", eos) == eos)
    return key != "eot_tokens" or (isinstance(value, list) and eos in value)


GUARD = Guard("QR301", "end-of-turn", "error", "high", __doc__, check)
