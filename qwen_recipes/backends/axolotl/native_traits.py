"""What guards know of Axolotl when they look at a config that was written for it."""

from qwen_recipes.backends.axolotl.dataset_entries import explain_nested_key
from qwen_recipes.backends.native_config import NativeTraits

TRAITS = NativeTraits(
    unknown_key_effect="it is dropped silently",
    unknown_key_reason=("Axolotl drops unknown keys, and training runs without the line"),
    template_variants={
        "qwen3": ("hybrid", "thinking-2507", "base"),
        "qwen_25": (),
        "chatml": ("instruct-2507", "base"),
    },
    free_form_keys=("lr_scheduler_kwargs", "optim_args", "overrides_of_model_config", "model_kwargs"),
    all_linear_layers="lora_target_linear: true",
    zero2="deepspeed: deepspeed_configs/zero2.json",
    quantize_experts="quantize_moe_experts: true",
    neutral_templates=("jinja", "tokenizer_default"),
    ignored_prefixes=("x-", "_", "."),
    lists_plugins=True,
    checks_nested_keys=True,
    explain_nested_key=explain_nested_key,
    shards_8_bit=True,  # `axolotl.monkeypatch.fsdp2_qlora`
    official_template="chat_template: tokenizer_default",
    unofficial_templates=("qwen3",),
)
