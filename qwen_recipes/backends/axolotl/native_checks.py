"""What Axolotl breaks, ignores or never does, told from configs that people wrote for it: by guard."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from qwen_recipes.backends.axolotl.refused_combinations import REFUSED_COMBINATIONS
from qwen_recipes.backends.located_values import read_switch
from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.backends.native_modules import load_extra_keys
from qwen_recipes.backends.native_violation import NativeCheck, NativeViolation, is_at_least
from qwen_recipes.backends.refused_combination import find_endless_warmup, find_refused_combinations
from qwen_recipes.qwen.tokens import END_OF_TURN
from qwen_recipes.recipe.suggestions import find_closest_match

OLDER_ATTENTION_KEYS = (
    *("flash_attention", "flex_attention", "sage_attention", "sdp_attention", "xformers_attention", "eager_attention"),
    *("s2_attention", "flash_attn_3", "flash_attn_2"),
)
"""Keys of versions before 0.17 that set `attn_implementation`, and keys that stand for other attention."""
ADAPTER_BY_SWITCH = {"load_in_4bit": "qlora", "load_in_8bit": "lora"}
_QUANTIZED = re.compile(r"4bit|8bit|gptq|awq|nf4|bnb|int4|int8", re.I)


def check_broken_combinations(config: NativeConfig) -> Iterator[NativeViolation]:
    """What its own validation lets pass."""
    data = config.data
    optimizer = data.get("optimizer")
    if optimizer in ("ao_adamw_4bit", "ao_adamw_8bit"):
        message = f'`{optimizer}` passes validation and ends training with "Unhandled optimizer"'
        yield NativeViolation(("optimizer",), message, f"optimizer: {optimizer.replace('ao_adamw', 'adamw_torch')}")
    parallel = data.get("tensor_parallel_size")
    if isinstance(parallel, int) and parallel > 1 and data.get("adapter") == "lora":
        message = "tensor parallelism with LoRA fails when the model is loaded"
        yield NativeViolation(("tensor_parallel_size",), message, "tensor_parallel_size: 1")
    if (
        read_switch(data, "sample_packing")
        and data.get("attn_implementation") is None
        and not any(read_switch(data, key) for key in OLDER_ATTENTION_KEYS)
        and config.form == "yaml"
    ):
        message = "packed examples attend to each other: no attention is set that keeps them apart"
        yield NativeViolation(("sample_packing",), message, "attn_implementation: flash_attention_2", at_key=True)
    fsdp = data.get("fsdp_config") or {}
    staged = isinstance(fsdp, dict) and fsdp.get("cpu_ram_efficient_loading") is True
    if (
        staged
        and read_switch(data, "load_in_4bit")
        and read_switch(data, "peft_use_dora")
        and is_at_least("0.20", config)
    ):
        yield NativeViolation(
            ("peft_use_dora",), "DoRA cannot be trained on a base that FSDP2 loads in stages", "plain LoRA"
        )


def check_ineffective_quantization(config: NativeConfig) -> Iterator[NativeViolation]:
    """Each switch is read with one kind of adapter alone."""
    data = config.data
    if _QUANTIZED.search(str(data.get("base_model"))):
        return
    for key, kind in ADAPTER_BY_SWITCH.items():
        adapter = data.get("adapter")
        if (
            read_switch(data, key)
            and adapter in ADAPTER_BY_SWITCH.values()
            and adapter != kind
            and not read_switch(data, _get_other_switch(key))
        ):
            message = f"`{key}` has no effect with `adapter: {adapter}`: the base is loaded in 16 bits"
            yield NativeViolation((key,), message, f"adapter: {kind}", at_key=True)


def _get_other_switch(key: str) -> str:
    """The other of the two switches."""
    return next(name for name in ADAPTER_BY_SWITCH if name != key)


def check_never_run(config: NativeConfig) -> Iterator[NativeViolation]:
    """Rows are held back, and no key says when to evaluate."""
    data = config.data
    if config.form != "yaml":
        return
    held_back = data.get("val_set_size") or data.get("test_datasets")
    when = [data.get(key) for key in ("eval_steps", "evals_per_epoch", "eval_strategy", "evaluation_strategy")]
    key = "val_set_size" if data.get("val_set_size") else "test_datasets"
    if held_back and not any(when):
        message = f"`{key}` holds out validation data, but no evaluation interval is set: evaluation never runs"
        yield NativeViolation((key,), message, "eval_strategy: epoch, or eval_steps", severity="warning", at_key=True)
    elif held_back and data.get("evals_per_epoch") == 1 and data.get("num_epochs") == 1 and not any(when[2:]):
        message = "one evaluation per epoch in a run of one epoch never runs"
        yield NativeViolation(("evals_per_epoch",), message, "eval_strategy: epoch", severity="warning")
    yield from find_endless_warmup(config)


def check_end_of_turn(config: NativeConfig) -> Iterator[NativeViolation]:
    """Chat training of a Base model whose end of turn is named nowhere."""
    meaning, data = config.interpreted_settings, config.data
    base = meaning.model_facts is not None and meaning.model_facts.variant == "base"
    if config.form == "shell" or not (base and meaning.chat):
        return
    special = data.get("special_tokens")
    named = isinstance(special, Mapping) and special.get("eos_token") == END_OF_TURN
    if not named and END_OF_TURN not in str(data.get("eot_tokens")) and "tokenizer_config" not in data:
        message = f"a Base model is trained on chat, but {END_OF_TURN} is not set as the end of a turn"
        yield NativeViolation(("base_model",), message, f'eot_tokens: ["{END_OF_TURN}"]')


def check_refused(config: NativeConfig) -> Iterator[NativeViolation]:
    """Combinations that its validation refuses, and plugins that it does not have."""
    if config.form != "yaml":
        return
    yield from find_refused_combinations(config, REFUSED_COMBINATIONS)
    known: dict[str, object] = load_extra_keys("axolotl")["plugins"]
    modules = {name.split(".")[2] for name in known}
    listed = config.data.get("plugins")
    for at, name in enumerate(listed if isinstance(listed, list) else ()):
        parts = str(name).split(".")
        if parts[:2] == ["axolotl", "integrations"] and name not in known and parts[2:3]:
            near = find_closest_match(str(name), [one for one in known if one.split(".")[2] == parts[2]])
            if near or parts[2] not in modules:
                message = f"Axolotl has no plugin `{name}`"
                yield NativeViolation(("plugins", at), message, f"did you mean `{near}`?" if near else "remove it")


NATIVE_CHECKS: dict[str, NativeCheck] = {
    "QR212": check_ineffective_quantization,
    "QR213": check_broken_combinations,
    "QR301": check_end_of_turn,
    "QR706": check_never_run,
    "QR709": check_refused,
}
