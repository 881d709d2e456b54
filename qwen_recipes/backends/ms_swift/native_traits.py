"""What guards know of ms-swift when they look at a config that was written for it."""

from collections.abc import Mapping

from qwen_recipes.backends.native_config import NativeTraits


def format_command(command: str) -> str:
    """Megatron's commands have a program of their own."""
    return command if command.startswith("megatron") else f"swift {command}"


def is_value_used(data: Mapping[str, object], key: str) -> bool:
    """It replaces `eval_strategy` itself where there are no rows to evaluate on."""
    return key != "eval_strategy" or bool(data.get("val_dataset") or data.get("split_dataset_ratio"))


def can_register_values(data: Mapping[str, object]) -> bool:
    """Code that is loaded may register models, templates, losses and optimizers."""
    return bool(data.get("external_plugins") or data.get("custom_register_path"))


TRAITS = NativeTraits(
    unknown_key_effect="the parser refuses it",
    unknown_key_reason="the framework stops with an error that names no line",
    template_variants={
        "qwen3": ("hybrid", "base"),
        "qwen3_thinking": ("thinking-2507", "base"),
        "qwen3_nothinking": ("instruct-2507", "base"),
        "qwen2_5": (),
        "qwen": (),
        "chatml": ("instruct-2507", "base"),
    },
    free_form_keys=("lr_scheduler_kwargs", "model_kwargs"),
    all_linear_layers="target_modules: all-linear",
    zero2="deepspeed: zero2",
    neutral_templates=("dummy",),
    format_command=format_command,
    reads_dashes=True,
    completes_in=("yaml", "shell"),
    null_becomes_text=True,
    can_register_values=can_register_values,
    is_value_used=is_value_used,
)
