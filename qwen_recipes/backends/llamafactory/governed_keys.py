"""LLaMA-Factory's keys that a field of the recipe speaks for, whether or not the compiled config has them.

Under `backends.*.extra` each may only say what the recipe resolves to.
"""

from __future__ import annotations

KEYS_BY_FIELD: dict[str, tuple[str, ...]] = {
    "model.id": (
        "model_name_or_path",
        "resize_vocab",
        "add_tokens",
        "add_special_tokens",
        "new_special_tokens_config",
        "init_special_tokens",
        "use_fast_tokenizer",
        "split_special_tokens",
        "train_from_scratch",
    ),
    "model.revision": ("model_revision",),
    "chat.template": (
        "template",
        "tool_format",
        "default_system",
        "enable_thinking",
        "preserve_thinking",
    ),
    "chat.train_on": (
        "train_on_prompt",
        "mask_history",
        "ignore_pad_token_for_loss",
    ),
    "chat.encoding": ("tokenized_path",),
    "data.train": (
        "dataset",
        "dataset_dir",
        "mix_strategy",
        "disable_shuffling",
    ),
    "data.train[].limit": ("max_samples",),
    "data.train[].weight": ("interleave_probs",),
    "data.validation": (
        "eval_dataset",
        "val_size",
        "eval_on_each_dataset",
    ),
    "data.streaming": ("streaming",),
    "training.sequence_length": ("cutoff_len",),
    "training.packing": (
        "packing",
        "neat_packing",
    ),
    "training.epochs": ("num_train_epochs",),
    "training.steps": ("max_steps",),
    "training.batch_size.examples": (
        "gradient_accumulation_steps",
        "dataloader_drop_last",
        "auto_find_batch_size",
    ),
    "training.micro_batch_size": (
        "per_device_train_batch_size",
        "per_device_eval_batch_size",
    ),
    "training.learning_rate": ("learning_rate",),
    "training.scheduler": ("lr_scheduler_type",),
    "training.warmup_ratio": ("warmup_ratio",),
    "training.warmup_steps": ("warmup_steps",),
    "training.optimizer": (
        "optim",
        "use_galore",
        "use_apollo",
        "use_badam",
        "use_adam_mini",
        "use_muon",
    ),
    "training.betas": (
        "adam_beta1",
        "adam_beta2",
    ),
    "training.epsilon": ("adam_epsilon",),
    "training.weight_decay": ("weight_decay",),
    "training.max_grad_norm": ("max_grad_norm",),
    "training.seed": ("seed",),
    "training.data_seed": ("data_seed",),
    "training.precision": (
        "bf16",
        "fp16",
        "pure_bf16",
        "upcast_layernorm",
        "upcast_lmhead_output",
    ),
    "training.fp8": ("fp8",),
    "training.tf32": ("tf32",),
    "training.gradient_checkpointing": (
        "disable_gradient_checkpointing",
        "use_reentrant_gc",
        "gradient_checkpointing",
    ),
    "training.attention": (
        "flash_attn",
        "shift_attn",
    ),
    "training.kernels": ("enable_liger_kernel",),
    "training.compile": ("torch_compile",),
    "training.neftune": ("neftune_noise_alpha",),
    "training.early_stopping": (
        "early_stopping_steps",
        "load_best_model_at_end",
    ),
    "training.evaluate_every": (
        "eval_steps",
        "eval_strategy",
    ),
    "training.save_every": (
        "save_steps",
        "save_strategy",
    ),
    "training.save_optimizer": ("save_only_model",),
    "training.keep_checkpoints": ("save_total_limit",),
    "training.dataloader_workers": ("dataloader_num_workers",),
    "method.type": (
        "finetuning_type",
        "freeze_trainable_layers",
        "freeze_trainable_modules",
        "freeze_extra_modules",
        "use_llama_pro",
    ),
    "method.rank": ("lora_rank",),
    "method.alpha": ("lora_alpha",),
    "method.dropout": ("lora_dropout",),
    "method.targets": ("lora_target",),
    "method.rslora": ("use_rslora",),
    "method.variant": (
        "use_dora",
        "pissa_init",
    ),
    "method.lora_plus": (
        "loraplus_lr_ratio",
        "loraplus_lr_embedding",
    ),
    "method.modules_to_save": ("additional_target",),
    "method.start_from": (
        "adapter_name_or_path",
        "create_new_adapter",
    ),
    "quantization.bits": ("quantization_bit",),
    "quantization.type": ("quantization_type",),
    "quantization.double": ("double_quantization",),
    "objective.type": (
        "stage",
        "use_dft_loss",
        "use_asft_loss",
        "use_eaft_loss",
    ),
    "objective.loss": ("pref_loss",),
    "objective.beta": ("pref_beta",),
    "objective.sft_weight": ("pref_ftx",),
    "objective.label_smoothing": (
        "dpo_label_smoothing",
        "label_smoothing_factor",
    ),
    "hardware.strategy": (
        "deepspeed",
        "fsdp",
        "fsdp_config",
    ),
    "hardware.device": ("use_cpu",),
    "output.dir": ("output_dir",),
    "output.hub.id": (
        "push_to_hub",
        "hub_model_id",
    ),
}
"""Native keys by the field of the recipe to use in their place."""
