"""What guards know of TRL when they look at a config that was written for it."""

from qwen_recipes.backends.native_config import NativeTraits

TRAITS = NativeTraits(
    unknown_key_effect="accelerate's launcher refuses it, and a script started without the launcher ignores it",
    unknown_key_reason=(
        "`trl sft` and similar commands fail with an error that names no line; `python -m trl.scripts.sft` trains "
        "without the line"
    ),
    template_variants={},
    all_linear_layers="lora_target_modules: all-linear",
    zero2="accelerate_config: zero2",
    format_command=lambda command: f"trl {command}",
    free_form_keys=("lr_scheduler_kwargs", "model_init_kwargs", "optim_args", "generation_kwargs"),
)
