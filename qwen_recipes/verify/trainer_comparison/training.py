"""Optimisation: length, batches, optimizer, precision, noise, evaluations and checkpoints."""

from __future__ import annotations

import math
from typing import Any

from qwen_recipes.verify.preference_sample import OBJECTIVES as PREFERENCES
from qwen_recipes.verify.trainer_comparison import optimization
from qwen_recipes.verify.trainer_comparison.batch_rows import list_sequences
from qwen_recipes.verify.trainer_comparison.check import (
    Case,
    Leaf,
    NotSeen,
    Seen,
    SeenLeaf,
    UnseenLeaf,
    find_argument,
    look_at_argument,
)
from qwen_recipes.verify.trainer_comparison.data import NO_PROMPTS, look_at_rows

NEEDS_GPU = "tests/conformance/test_parsers.py; at the trainer only on a GPU"
MEAN = "a mean that follows from the rows' lengths, which is only shown"
LOW_RANK = "GaLore's and APOLLO's packages are not in the locked environments"
LOW_RANK_TESTS = "tests/conformance/test_parsers.py; trained by test_objectives where the packages are installed"


def look_at_epochs(case: Case) -> Seen | NotSeen:
    """Planned steps of a run that is told in epochs: each epoch ends with a step of its own."""
    training, steps = case.plan.training, case.section("steps")
    if training.epochs is None or training.steps is not None:
        return NotSeen("the recipe sets the number of steps")
    batches, accumulation = steps["batches_per_epoch"], training.gradient_accumulation
    if training.packing:
        return NotSeen("how many packs the rows make is the framework's choice")
    if case.plan.objective.next_token and not isinstance(case.rows, NotSeen):
        batches = math.ceil(case.rows.examples / training.micro_batch_size)
    return Seen(math.ceil(training.epochs * max(1, math.ceil(batches / accumulation))), steps["total"])


def look_at_steps(case: Case) -> Seen | NotSeen:
    """Planned optimizer steps."""
    if case.plan.training.steps is None:
        return NotSeen("the recipe sets the number of epochs")
    return Seen(case.plan.training.steps, case.section("steps")["total"])


def look_at_length(case: Case) -> Seen | NotSeen:
    """The longest sequence of a batch, where rows are that long or packed; else the length that is told."""
    length = case.plan.training.tokens_per_sequence
    text = case.plan.objective.next_token and case.plan.objective.kl_weight is None
    told = find_argument(case, "max_seq_length" if text else "max_length")
    if told is not None:
        return Seen(length, told)
    if case.plan.training.packing:
        return _look_at_packs(case)
    encodes = case.section("trainer").get("template_length")
    if encodes is not None:
        return Seen(length, encodes, "of the template that encodes rows")
    if not _is_any_cut(case):
        return NotSeen("no row reaches the length, and the trainer holds no number for it")
    return look_at_rows(case)


def _is_any_cut(case: Case) -> bool:
    """Whether a row of ours is left out for its length, or as long as a truncated one."""
    if case.plan.objective.type in PREFERENCES:
        return not isinstance(case.preferences, NotSeen) and case.preferences.cut
    return not isinstance(case.rows, NotSeen) and bool(case.rows.overlong or case.rows.truncated)


def look_at_pack_length(case: Case) -> Seen | NotSeen:
    """The one length that a trainer has is the packs' where examples are packed."""
    return look_at_length(case) if case.plan.training.packing else NotSeen("nothing is packed")


def _look_at_packs(case: Case) -> Seen:
    """The length that packs are told, unless one is longer; else the longest sequence of a batch.

    A trainer without padding joins a micro-batch's packs into one sequence: there, packs are rows of its data set.
    """
    length, told = case.plan.training.tokens_per_sequence, find_argument(case, "max_length")
    if told is None:
        return Seen(length, max(len(row) for batch in _batches(case) for row in batch["values"]["input_ids"]))
    longest = case.section("steps").get("longest_example") or 0
    return Seen(length, max(told, longest), f"max_length; the longest pack has {longest} tokens")


def _batches(case: Case) -> list[Any]:
    found: list[Any] = case.section("batches")["micro_batches"]
    return found


def look_at_overlong(case: Case) -> Seen | NotSeen:
    """Rows that are too long are left out, or truncated as by our own encoder."""
    if case.plan.objective.type == "grpo":
        return NO_PROMPTS
    return look_at_rows(case) if _is_any_cut(case) else NotSeen("no row is too long")


def look_at_packing(case: Case) -> Seen | NotSeen:
    """Whether sequences of the first batches hold several examples."""
    try:
        sequences = [sequence for batch in _batches(case) for sequence in list_sequences(batch)]
    except ValueError as error:
        if not case.plan.training.packing:
            return Seen(False, bool(find_argument(case, "sample_packing", "packing")), str(error))
        return NotSeen(str(error))
    if not sequences:
        return NotSeen("no batch was drawn")
    together = max(map(len, sequences)) > 1
    lengths = sorted(len(example.ids) for sequence in sequences for example in sequence)
    if case.plan.training.packing and not together and sum(lengths[:2]) > case.plan.training.tokens_per_sequence:
        return NotSeen("no two examples of the first two batches fit into one sequence")
    return Seen(case.plan.training.packing, together)


def look_at_batch_size(case: Case) -> Seen | NotSeen:
    """Sequences of one optimizer step."""
    steps = case.section("steps")
    return Seen(case.plan.training.batch_size, steps["micro_batch"] * steps["accumulation"] * case.plan.hardware.world)


def look_at_micro_batch(case: Case) -> Seen | NotSeen:
    """Sequences of one forward pass."""
    return Seen(case.plan.training.micro_batch_size, case.section("steps")["micro_batch"])


def look_at_evaluation_batch(case: Case) -> Seen | NotSeen:
    """Sequences of one forward pass of an evaluation."""
    if not case.plan.data.validates:
        return NotSeen("nothing is evaluated")
    return Seen(case.plan.training.evaluation_micro_batch_size, case.arguments.get("per_device_eval_batch_size"))


def look_at_accumulation(case: Case) -> Seen | NotSeen:
    """Forward passes of one optimizer step."""
    return Seen(case.plan.training.gradient_accumulation, case.section("steps")["accumulation"])


def look_at_precision(case: Case) -> Seen | NotSeen:
    """Mixed precision, where arguments turn it on."""
    on = [name for name in ("bf16", "fp16") if case.arguments.get(name)]
    return Seen(case.plan.training.precision, on[0] if on else "fp32")


def look_at_dtypes(case: Case) -> Seen | NotSeen:
    """In what trained weights are held, adapters too."""
    found = {held["dtype"] for held in case.section("weights")["trainable"].values()}
    return Seen([case.plan.training.weights_dtype], sorted(found))


def look_at_tf32(case: Case) -> Seen | NotSeen:
    """TF32's argument; where it is not told, PyTorch's own default is off."""
    return Seen(case.plan.training.tf32, bool(case.arguments.get("tf32")))


def look_at_saved_optimizer(case: Case) -> Seen | NotSeen:
    """Whether a checkpoint has more than the model."""
    return Seen(case.plan.training.save_optimizer, not case.arguments.get("save_only_model"))


def look_at_workers(case: Case) -> Seen | NotSeen:
    """Processes that make batches."""
    planned = case.plan.training.dataloader_workers
    if planned is None:
        return NotSeen("the number is left to the framework")
    return Seen(planned, case.arguments.get("dataloader_num_workers"))


def look_at_data_seed(case: Case) -> Seen | NotSeen:
    """The seed that orders rows."""
    seen = find_argument(case, "data_seed")
    return Seen(case.plan.training.data_seed, find_argument(case, "seed") if seen is None else seen)


def look_at_checkpointing(case: Case) -> Seen | NotSeen:
    """Whether modules recompute their activations."""
    seen = bool(case.section("modules")["checkpointing"]["modules"])
    return Seen(case.plan.training.gradient_checkpointing, seen)


def look_at_reentrant(case: Case) -> Seen | NotSeen:
    """Which of PyTorch's two checkpoint functions is used."""
    found = case.section("modules")["checkpointing"]
    if not case.plan.training.gradient_checkpointing or not found["modules"]:
        return NotSeen("activations are not recomputed")
    if found["options"] is None:
        return NotSeen("the framework's own checkpoint function does not show its options")
    return Seen(case.plan.training.reentrant_checkpointing, found["options"].get("use_reentrant"))


def look_at_attention(case: Case) -> Seen | NotSeen:
    """The attention implementation of the model's config."""
    seen = case.section("modules")["config"]["_attn_implementation"]
    return Seen(case.plan.training.attention, seen)


def look_at_kernel(word: str, field: str) -> Any:
    """A look for modules or losses that a package replaces."""

    def look(case: Case) -> Seen | NotSeen:
        modules = case.section("modules")
        replaced = [*modules["patched"].values(), str(modules["loss"])]
        return Seen(getattr(case.plan.training, field), any(word in source.lower() for source in replaced))

    return look


def look_at_compile(case: Case) -> Seen | NotSeen:
    """torch.compile, by its argument or the wrapped model."""
    seen = case.section("modules")["compiled"] or bool(case.arguments.get("torch_compile"))
    return Seen(case.plan.training.compile, seen)


def look_at_noise(case: Case) -> Seen | NotSeen:
    """NEFTune's alpha, where a hook adds the noise."""
    found = case.section("modules")["neftune"]
    return Seen(case.plan.training.neftune, found and found["alpha"])


PATIENCE = ("early_stopping_patience", "total_interval")
"""transformers' word, and ms-swift's."""


def look_at_early_stopping(case: Case) -> Seen | NotSeen:
    """The callback's patience; the best model is loaded, and the least evaluation loss is the best."""
    planned = case.plan.training.early_stopping
    found = [one for one in case.section("callbacks") if "earlystop" in one["class"].lower().replace("_", "")]
    patience = next((one["settings"].get(name) for one in found for name in PATIENCE if name in one["settings"]), None)
    if planned is None:
        return Seen(None, patience)
    want = {"patience": planned, "best": "least loss", "load": True}
    return Seen(want, {"patience": patience, **_best_model(case)})


def _best_model(case: Case) -> dict[str, object]:
    metric, greater = case.arguments.get("metric_for_best_model"), case.arguments.get("greater_is_better")
    least = str(metric).removeprefix("eval_") == "loss" and not greater
    return {"best": "least loss" if least else metric, "load": bool(case.arguments.get("load_best_model_at_end"))}


def look_at_evaluations(case: Case) -> Seen | NotSeen:
    """Steps between evaluations, `epoch`, or `never`."""
    return Seen(_plan_interval(case, case.plan.training.evaluate_every), _interval(case, "eval", "evaluate_every"))


def look_at_saves(case: Case) -> Seen | NotSeen:
    """Steps between checkpoints, `epoch`, or `never`."""
    return Seen(_plan_interval(case, case.plan.training.save_every), _interval(case, "save", "save_every"))


def _plan_interval(case: Case, planned: float | str) -> object:
    """In steps where a share of the run is planned: transformers rounds it up."""
    if isinstance(planned, str) or planned >= 1:
        return planned
    return math.ceil(case.section("steps")["total"] * planned)


def _interval(case: Case, word: str, steps: str) -> object:
    strategy = case.arguments[f"{word}_strategy"]
    if strategy == "steps":
        return case.section("steps")[steps]
    return "never" if strategy == "no" else strategy


TRAINING: dict[str, Leaf] = {
    "training.epochs": SeenLeaf("planned steps", look_at_epochs),
    "training.steps": SeenLeaf("planned steps", look_at_steps),
    "training.sequence_length": SeenLeaf("the trainer's length, or rows that reach it", look_at_length),
    "training.overlong": SeenLeaf("rows that are too long, in the first two batches", look_at_overlong),
    "training.packing": SeenLeaf("examples in each sequence of the first two batches", look_at_packing),
    "training.batch_size": SeenLeaf("micro-batch × accumulation × processes", look_at_batch_size),
    "training.micro_batch_size": SeenLeaf("arguments.train_batch_size", look_at_micro_batch),
    "training.evaluation_micro_batch_size": SeenLeaf("arguments.per_device_eval_batch_size", look_at_evaluation_batch),
    "training.pack_length": SeenLeaf("the trainer's length, where examples are packed", look_at_pack_length),
    "training.examples_per_step": UnseenLeaf(MEAN, "tests/unit/resolve"),
    "training.tokens_per_step": UnseenLeaf(MEAN, "tests/unit/resolve"),
    "training.gradient_accumulation": SeenLeaf("arguments.gradient_accumulation_steps", look_at_accumulation),
    "training.learning_rate": SeenLeaf("the rate of every tensor's group", optimization.look_at_rate),
    "training.scheduler": SeenLeaf("rates at up to five steps", optimization.look_at_schedule),
    "training.warmup.steps": SeenLeaf("planned warmup", optimization.look_at_warmup),
    "training.warmup.ratio": SeenLeaf("planned warmup", optimization.look_at_warmup),
    "training.optimizer": SeenLeaf("the optimizer's class", optimization.look_at_optimizer),
    "training.low_rank.rank": UnseenLeaf(LOW_RANK, LOW_RANK_TESTS),
    "training.low_rank.update_interval": UnseenLeaf(LOW_RANK, LOW_RANK_TESTS),
    "training.low_rank.scale": UnseenLeaf(LOW_RANK, LOW_RANK_TESTS),
    "training.beta1": SeenLeaf("options of every group", optimization.look_at_beta(0)),
    "training.beta2": SeenLeaf("options of every group", optimization.look_at_beta(1)),
    "training.epsilon": SeenLeaf("options of every group", optimization.look_at_epsilon),
    "training.weight_decay": SeenLeaf("the decay of every tensor's group", optimization.look_at_decay),
    "training.max_grad_norm": SeenLeaf("arguments.max_grad_norm", optimization.look_at_gradient_norm),
    "training.min_learning_rate_ratio": SeenLeaf("rates at up to five steps", optimization.look_at_least_rate),
    "training.decay.steps": SeenLeaf("rates at up to five steps", optimization.look_at_last_part),
    "training.decay.ratio": SeenLeaf("rates at up to five steps", optimization.look_at_last_part),
    "training.precision": SeenLeaf("arguments.bf16, arguments.fp16", look_at_precision),
    "training.weights_dtype": SeenLeaf("trainable tensors", look_at_dtypes),
    "training.tf32": SeenLeaf("arguments.tf32", look_at_tf32),
    "training.fp8": UnseenLeaf("8-bit products need a GPU", NEEDS_GPU),
    "training.seed": SeenLeaf("arguments.seed", look_at_argument(lambda plan: plan.training.seed, "seed")),
    "training.data_seed": SeenLeaf("arguments.data_seed, else seed", look_at_data_seed),
    "training.gradient_checkpointing": SeenLeaf("modules that recompute", look_at_checkpointing),
    "training.offload_activations": UnseenLeaf("there is no GPU whose memory could be offloaded", NEEDS_GPU),
    "training.reentrant_checkpointing": SeenLeaf("options of the checkpoint function", look_at_reentrant),
    "training.attention": SeenLeaf("the model's config", look_at_attention),
    "training.liger": SeenLeaf("code of modules and of the loss", look_at_kernel("liger", "liger")),
    "training.cut_cross_entropy": SeenLeaf("code of the loss", look_at_kernel("cut_cross", "cut_cross_entropy")),
    "training.lora_kernels": SeenLeaf("code of modules", look_at_kernel("kernels.lora", "lora_kernels")),
    "training.compile": SeenLeaf("arguments.torch_compile", look_at_compile),
    "training.neftune": SeenLeaf("the hook on the embeddings", look_at_noise),
    "training.early_stopping": SeenLeaf("callback and best model", look_at_early_stopping),
    "training.evaluate_every": SeenLeaf("arguments.eval_strategy, state.eval_steps", look_at_evaluations),
    "training.save_every": SeenLeaf("arguments.save_strategy, state.save_steps", look_at_saves),
    "training.keep_checkpoints": SeenLeaf(
        "arguments.save_total_limit", look_at_argument(lambda plan: plan.training.keep_checkpoints, "save_total_limit")
    ),
    "training.save_optimizer": SeenLeaf("arguments.save_only_model", look_at_saved_optimizer),
    "training.dataloader_workers": SeenLeaf("arguments.dataloader_num_workers", look_at_workers),
    "training.log_every": SeenLeaf("state.logging_steps", lambda case: _log_every(case)),
}


def _log_every(case: Case) -> Seen | NotSeen:
    return Seen(case.plan.training.log_every, case.section("steps")["log_every"])
