"""TRL's keys that guards look for under `extra`, by what they set."""

GUARD_KEYS = {
    "fsdp_config": "fsdp_config",
    "chat_template": "chat_template_path",
    "adapter_targets": "lora_target_modules",
    "modules_to_save": "lora_modules_to_save",
    "dora": "use_dora",
}
