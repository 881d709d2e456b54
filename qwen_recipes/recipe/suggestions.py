"""Near misses: what a person probably meant."""

from __future__ import annotations

from collections.abc import Iterable

FIELDS_BY_NATIVE_KEY = {
    "base_model": "model",
    "model_name_or_path": "model",
    "lora_r": "method.rank",
    "lora_rank": "method.rank",
    "r": "method.rank",
    "lora_alpha": "method.alpha",
    "lora_dropout": "method.dropout",
    "lora_target": "method.targets",
    "lora_target_modules": "method.targets",
    "target_modules": "method.targets",
    "use_dora": "method.variant",
    "use_rslora": "method.rslora",
    "finetuning_type": "method.type",
    "adapter": "method.type",
    "tuner_type": "method.type",
    "train_type": "method.type",
    "load_in_4bit": "quantization.bits",
    "load_in_8bit": "quantization.bits",
    "quantization_bit": "quantization.bits",
    "quant_bits": "quantization.bits",
    "lr": "training.learning_rate",
    "num_epochs": "training.epochs",
    "num_train_epochs": "training.epochs",
    "max_steps": "training.steps",
    "sequence_len": "training.sequence_length",
    "max_seq_length": "training.sequence_length",
    "max_length": "training.sequence_length",
    "cutoff_len": "training.sequence_length",
    "sample_packing": "training.packing",
    "per_device_train_batch_size": "training.micro_batch_size",
    "gradient_accumulation_steps": "training.batch_size",
    "dataloader_num_workers": "training.dataloader_workers",
    "save_only_model": "training.save_optimizer",
    "evals_per_epoch": "training.evaluations_per_epoch",
    "max_samples": "data.train[].limit",
    "min_lr": "training.min_learning_rate",
    "min_lr_ratio": "training.min_learning_rate_ratio",
    "cosine_min_lr_ratio": "training.min_learning_rate_ratio",
    "adam_epsilon": "training.epsilon",
    "save_steps": "training.save_every",
    "save_strategy": "training.save_every",
    "eval_steps": "training.evaluate_every",
    "eval_strategy": "training.evaluate_every",
    "save_total_limit": "training.keep_checkpoints",
    "logging_steps": "training.log_every",
    "noisy_embedding_alpha": "training.neftune",
    "neftune_noise_alpha": "training.neftune",
    "num_workers": "training.dataloader_workers",
    "save_model_only": "training.save_optimizer",
    "lr_scheduler": "training.scheduler",
    "lr_scheduler_type": "training.scheduler",
    "optim": "training.optimizer",
    "adam_beta1": "training.betas",
    "adam_beta2": "training.betas",
    "bf16": "training.precision",
    "fp16": "training.precision",
    "pure_bf16": "training.weights_dtype",
    "lora_dtype": "training.weights_dtype",
    "peft_autocast_adapter_dtype": "training.weights_dtype",
    "attn_implementation": "training.attention",
    "flash_attention": "training.attention",
    "flash_attn": "training.attention",
    "attn_impl": "training.attention",
    "deepspeed": "hardware.strategy",
    "fsdp": "hardware.strategy",
    "output_dir": "output.dir",
    "datasets": "data.train",
    "dataset": "data.train",
    "val_set_size": "data.validation",
    "val_size": "data.validation",
    "chat_template": "chat.template",
    "train_on_inputs": "chat.train_on",
}
"""Keys of the frameworks, and the field of ours that says the same."""
EXPLAINED_NATIVE_KEYS = {
    **dict.fromkeys(
        ("dtype", "torch_dtype"),
        "set `training.precision` (of the computation: bf16, fp16 or fp32) or `training.weights_dtype` (of the trained "
        "weights: float32 or bfloat16)",
    ),
    "gradient_accumulation_steps": "set `training.batch_size`, the effective batch size: micro-batch x gradient "
    "accumulation x GPUs",
}
"""Keys of the frameworks that follow from a field of ours, and what to write."""


VALUES_BY_OTHER_NAME = {
    "wsd": "warmup_stable_decay",
    "warmup-stable-decay": "warmup_stable_decay",
    "cosine_annealing": "cosine",
    "adamw": "adamw_torch",
    "adam": "adamw_torch",
    "adamw_hf": "adamw_torch",
    "adamw_bnb_8bit": "adamw_8bit",
    "paged_adamw": "paged_adamw_32bit",
    "fa2": "flash_attention_2",
    "flash_attn": "flash_attention_2",
    "flash_attn_2": "flash_attention_2",
}
"""Names that frameworks and papers use for a value, and the recipe's name of it, or of the nearest there is."""


METHOD_NAMES = ("lora", "qlora", "dora", "qdora", "full", "freeze")
"""Values of `method` that people write as a key."""
RENAMED_FIELDS = {"training.warmup": "`warmup_ratio`, a share of all steps, or `warmup_steps`"}
"""Fields of earlier versions, and what to write now."""


def find_closest_match(word: str, candidates: Iterable[str]) -> str | None:
    """The known word that `word` is a slip of, or None."""
    import difflib

    lowered = {name.lower().replace("-", "_"): name for name in candidates}
    found = difflib.get_close_matches(word.lower().replace("-", "_"), list(lowered), n=1, cutoff=0.7)
    return lowered[found[0]] if found else None


def find_meant_value(word: str, choices: Iterable[str]) -> str | None:
    """The choice that a value is another name of, or a slip of, or None."""
    known = list(choices)
    other = VALUES_BY_OTHER_NAME.get(word.lower())
    return other if other in known else find_closest_match(word, known)


def suggest_for_unknown_key(key: str, siblings: Iterable[str], parent: str) -> str:
    """What to write instead of an unknown key: a near miss beside it, another place, or the keys there are."""
    if renamed := RENAMED_FIELDS.get(f"{parent}.{key}"):
        return f"use {renamed}"
    if not parent and key in METHOD_NAMES:
        return f"write it as `method: {{type: {key}}}`, with its settings next to `type`"
    if key in EXPLAINED_NATIVE_KEYS:
        return EXPLAINED_NATIVE_KEYS[key]
    if key in FIELDS_BY_NATIVE_KEY:
        return f"the recipe field is `{FIELDS_BY_NATIVE_KEY[key]}`"
    beside = find_closest_match(key, siblings)
    if beside:
        return f"did you mean `{beside}`?"
    elsewhere = None if parent.startswith("sweep.") else _find_field_elsewhere(key, parent)
    if elsewhere:
        return f"write it as `{elsewhere}`"
    return "known here: " + ", ".join(siblings)


def _find_field_elsewhere(key: str, parent: str) -> str | None:
    from qwen_recipes.recipe.field_index import index_fields

    paths = sorted((path for path in index_fields() if "*" not in path), key=lambda path: -path.count("."))
    by_name = {path.rpartition(".")[2]: path for path in paths}
    found = by_name.get(key) or by_name.get(find_closest_match(key, by_name) or "")
    return found if found and found.rpartition(".")[0] != parent else None
