"""LLaMA-Factory's keys that guards look for under `extra`, by what they set."""

GUARD_KEYS = {
    "fsdp_config": "fsdp_config",
    "quantization_method": "quantization_method",
    "unsloth": "use_unsloth",
    "adapter_init": "pissa_init",
    "pissa_switch": "pissa_init",
    "empty_think": "enable_thinking",
    "preserve_thinking": "preserve_thinking",
    "thinking_switch": "enable_thinking",
    "system_prompt": "default_system",
    "chat_template": "template",
    "adapter_targets": "lora_target",
    "modules_to_save": "additional_target",
    "dora": "use_dora",
}
