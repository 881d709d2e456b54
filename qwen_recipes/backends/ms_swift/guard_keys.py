"""ms-swift's keys that guards look for under `extra`, by what they set."""

GUARD_KEYS = {
    "checkpointing_options": "gradient_checkpointing_kwargs",
    "fsdp_config": "fsdp",
    "quantization_method": "quant_method",
    "adapter_init": "init_weights",
    "empty_think": "loss_scale",
    "new_tokens": "new_special_tokens",
    "preserve_thinking": "preserve_thinking",
    "thinking_switch": "enable_thinking",
    "system_prompt": "system",
    "chat_template": "template",
    "adapter_targets": "target_modules",
    "modules_to_save": "modules_to_save",
    "dora": "use_dora",
}
