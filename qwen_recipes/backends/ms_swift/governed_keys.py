"""ms-swift's keys that a field of the recipe speaks for, whether or not the compiled config has them.

Under `backends.*.extra` each may only say what the recipe resolves to.
"""

from __future__ import annotations

KEYS_BY_FIELD: dict[str, tuple[str, ...]] = {
    "model.id": (
        "model",
        "model_type",
        "new_special_tokens",
    ),
    "model.revision": ("model_revision",),
    "model.source": ("use_hf",),
    "chat.template": (
        "template",
        "system",
        "use_chat_template",
        "agent_template",
        "response_prefix",
        "template_backend",
        "enable_thinking",
        "add_non_thinking_prefix",
        "preserve_thinking",
    ),
    "chat.train_on": ("loss_scale",),
    "data.train": (
        "dataset",
        "dataset_shuffle",
        "model_author",
        "model_name",
        "custom_dataset_info",
        "cached_dataset",
    ),
    "data.train[].weight": ("interleave_prob",),
    "data.train[].columns": ("columns",),
    "data.validation": (
        "val_dataset",
        "split_dataset_ratio",
        "val_dataset_shuffle",
        "cached_val_dataset",
    ),
    "data.streaming": ("streaming",),
    "training.sequence_length": ("max_length",),
    "training.pack_length": ("packing_length",),
    "training.overlong": (
        "truncation_strategy",
        "strict",
    ),
    "training.packing": ("packing",),
    "training.epochs": (
        "num_train_epochs",
        "max_epochs",
    ),
    "training.steps": (
        "max_steps",
        "train_iters",
    ),
    "training.batch_size.examples": (
        "gradient_accumulation_steps",
        "global_batch_size",
        "dataloader_drop_last",
        "auto_find_batch_size",
    ),
    "training.micro_batch_size": (
        "per_device_train_batch_size",
        "per_device_eval_batch_size",
        "micro_batch_size",
    ),
    "training.learning_rate": (
        "learning_rate",
        "lr",
    ),
    "training.scheduler": (
        "lr_scheduler_type",
        "lr_decay_style",
    ),
    "training.min_learning_rate": ("min_lr",),
    "training.warmup_ratio": (
        "warmup_ratio",
        "lr_warmup_fraction",
    ),
    "training.warmup_steps": (
        "warmup_steps",
        "lr_warmup_iters",
    ),
    "training.optimizer": (
        "optim",
        "optimizer",
        "use_galore",
    ),
    "training.betas": (
        "adam_beta1",
        "adam_beta2",
    ),
    "training.epsilon": (
        "adam_epsilon",
        "adam_eps",
    ),
    "training.weight_decay": ("weight_decay",),
    "training.max_grad_norm": (
        "max_grad_norm",
        "clip_grad",
    ),
    "training.seed": ("seed",),
    "training.data_seed": ("data_seed",),
    "training.precision": (
        "bf16",
        "fp16",
        "torch_dtype",
    ),
    "training.weights_dtype": ("lora_dtype",),
    "training.tf32": ("tf32",),
    "training.gradient_checkpointing": ("gradient_checkpointing",),
    "training.attention": (
        "attn_impl",
        "attention_backend",
    ),
    "training.kernels": ("use_liger_kernel",),
    "training.compile": ("torch_compile",),
    "training.neftune": ("neftune_noise_alpha",),
    "training.early_stopping": (
        "early_stop_interval",
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
    "training.save_optimizer": (
        "save_only_model",
        "no_save_optim",
    ),
    "training.keep_checkpoints": ("save_total_limit",),
    "training.dataloader_workers": ("dataloader_num_workers",),
    "method.type": (
        "tuner_type",
        "train_type",
        "freeze_parameters",
        "freeze_parameters_ratio",
        "trainable_parameters",
        "lisa_activated_layers",
    ),
    "method.rank": ("lora_rank",),
    "method.alpha": ("lora_alpha",),
    "method.dropout": ("lora_dropout",),
    "method.targets": (
        "target_modules",
        "target_regex",
    ),
    "method.rslora": ("use_rslora",),
    "method.variant": (
        "use_dora",
        "init_weights",
    ),
    "method.lora_plus": ("lorap_lr_ratio",),
    "method.modules_to_save": ("modules_to_save",),
    "method.start_from": ("adapters",),
    "quantization.bits": (
        "quant_method",
        "quant_bits",
    ),
    "quantization.type": ("bnb_4bit_quant_type",),
    "quantization.storage": ("bnb_4bit_quant_storage",),
    "quantization.double": ("bnb_4bit_use_double_quant",),
    "objective.type": (
        "rlhf_type",
        "task_type",
        "num_labels",
        "enable_dft_loss",
    ),
    "objective.loss": ("loss_type",),
    "objective.beta": ("beta",),
    "objective.sft_weight": (
        "rpo_alpha",
        "loss_weights",
    ),
    "objective.label_smoothing": (
        "label_smoothing",
        "label_smoothing_factor",
    ),
    "hardware.strategy": (
        "deepspeed",
        "fsdp",
    ),
    "hardware.tensor_parallel": (
        "tensor_model_parallel_size",
        "deepspeed_autotp_size",
    ),
    "hardware.context_parallel": (
        "sequence_parallel_size",
        "context_parallel_size",
    ),
    "hardware.device": ("use_cpu",),
    "output.dir": (
        "output_dir",
        "add_version",
    ),
    "output.hub.id": (
        "push_to_hub",
        "hub_model_id",
    ),
}
"""Native keys by the field of the recipe to use in their place."""
