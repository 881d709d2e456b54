"""What guards know of LLaMA-Factory when they look at a config that was written for it."""

from qwen_recipes.backends.native_config import NativeTraits

TRAITS = NativeTraits(
    unknown_key_effect="the parser refuses it",
    unknown_key_reason="the framework stops with an error that names no line",
    template_variants={
        "qwen3": ("hybrid", "thinking-2507", "base"),
        "qwen3_nothink": ("instruct-2507", "base"),
        "qwen": (),
        "chatml": ("instruct-2507", "base"),
    },
    all_linear_layers="lora_target: all",
    zero2="deepspeed: a configuration with `stage: 2`",
    neutral_templates=("empty",),
    completes_in=("shell",),
    converts_text=False,
)
