"""The model: which weights are trained from, and what its config says."""

from __future__ import annotations

from qwen_recipes.verify.trainer_comparison.check import Case, Leaf, NotSeen, Seen, SeenLeaf, UnseenLeaf
from qwen_recipes.verify.trainer_comparison.saved_tensors import digest_model

FACT = "a fact of config.json that guards and templates read; frameworks take it from the model's folder themselves"
FACT_TEST = "tests/unit/qwen"


def look_at_base_weights(case: Case) -> Seen | NotSeen:
    """The digest of the base model's weights, beside that of the file they come from."""
    base = case.section("weights")["base"]
    if not case.plan.model.local:
        return NotSeen("the weights of a hub model are not on this machine; those of a local folder are compared")
    if case.plan.method.variant == "pissa" and case.plan.method.start_from is None:
        return NotSeen("PiSSA moves a part of the base weights into the adapter")
    if case.plan.objective.type == "reward":
        return NotSeen("a reward model has a head beside the base weights, which the digest may hold")
    if case.plan.quantization.bits != 16:
        return NotSeen("the weights are quantized as they are loaded, and the file's are not")
    if base is None:
        return NotSeen("the model is too large for a digest")
    try:
        planned, seen = digest_model(case.folder / case.plan.model.id), base["sha256"]
    except (OSError, ValueError) as error:
        return NotSeen(str(error))
    rounded = case.plan.training.precision != "fp32" or _holds_16_bits(case)
    if planned != seen and rounded:
        return NotSeen("the weights are loaded in 16 bits, which may not hold what the file does")
    return Seen(planned, seen)


def _holds_16_bits(case: Case) -> bool:
    weights = case.section("weights")
    held = {one["dtype"] for one in weights["trainable"].values()} | set(weights["frozen_dtypes"])
    return held != {"float32"}


def look_at_tied_embeddings(case: Case) -> Seen | NotSeen:
    """Whether the output layer shares the embeddings' weights."""
    seen = case.section("modules")["config"].get("tie_word_embeddings")
    if case.plan.objective.type == "reward":
        return NotSeen("a model that scores has no output layer to tie")
    if case.plan.method.modules_to_save:
        return NotSeen("embeddings that are trained whole are copies, tied by PEFT where it can")
    return Seen(case.plan.model.tied, seen)


MODEL: dict[str, Leaf] = {
    "model.id": SeenLeaf("digest of the base weights", look_at_base_weights),
    "model.revision": UnseenLeaf("the probe does not use the hub", "tests/conformance/test_parsers.py, tests/golden"),
    "model.source": UnseenLeaf("the probe does not use the hub", "tests/conformance/test_modelscope.py"),
    "model.local": UnseenLeaf("it only says where `model.id` is looked for", "tests/unit/resolve"),
    "model.like": UnseenLeaf("it only says whose facts are taken", "tests/unit/qwen"),
    "model.model_type": UnseenLeaf(FACT, FACT_TEST),
    "model.variant": UnseenLeaf(FACT, FACT_TEST),
    "model.layer_class": UnseenLeaf("FSDP wraps by it, and sharding needs GPUs", "research/measurements"),
    "model.max_positions": UnseenLeaf(FACT, FACT_TEST),
    "model.dense": UnseenLeaf(FACT, FACT_TEST),
    "model.tied": SeenLeaf("config.tie_word_embeddings of the trained model", look_at_tied_embeddings),
}
