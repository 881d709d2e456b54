"""What guards know of ms-swift when they look at a config that was written for it."""

from qwen_recipes.backends.native_config import NativeTraits

TRAITS = NativeTraits(
    unknown_key_effect="the parser refuses it",
    unknown_key_reason="the run ends before it starts, with an error that names no line",
    template_variants={
        "qwen3": ("hybrid", "base"),
        "qwen3_thinking": ("thinking-2507", "base"),
        "qwen3_nothinking": ("instruct-2507", "base"),
        "qwen2_5": (),
        "qwen": (),
    },
    free_form_keys=("lr_scheduler_kwargs", "model_kwargs"),
    all_linear_layers="target_modules: all-linear",
    zero2="deepspeed: zero2",
)
