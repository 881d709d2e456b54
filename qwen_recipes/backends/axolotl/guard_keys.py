"""Axolotl's keys that guards look for under `extra`, by what they set."""

GUARD_KEYS = {
    "checkpointing_options": "gradient_checkpointing_kwargs",
    "fsdp_config": "fsdp_config",
    "adapter_init": "peft_init_lora_weights",
    "new_tokens": "tokens",
    "thinking_switch": "chat_template_kwargs",
    "system_prompt": "default_system_message",
    "chat_template": "chat_template",
    "shrink_embeddings": "shrink_embeddings",
    "adapter_targets": "lora_target_modules",
    "all_linear_targets": "lora_target_linear",
    "modules_to_save": "lora_modules_to_save",
    "dora": "peft_use_dora",
}
