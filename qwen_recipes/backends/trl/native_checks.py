"""What TRL ignores or never does, told from configs that people wrote for it: by guard."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.located_values import read_switch
from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.backends.native_violation import NativeCheck, NativeViolation


def check_ineffective_quantization(config: NativeConfig) -> Iterator[NativeViolation]:
    """Options of a 4-bit base without the key that loads one."""
    data = config.data
    if read_switch(data, "load_in_4bit") or config.names_config_file:
        return
    for key in ("bnb_4bit_quant_type", "use_bnb_nested_quant", "bnb_4bit_quant_storage"):
        if data.get(key):
            yield NativeViolation(
                (key,), f"`{key}` without `load_in_4bit`: the base is loaded in 16 or 32 bits", "load_in_4bit: true"
            )
            return


def check_broken_combinations(config: NativeConfig) -> Iterator[NativeViolation]:
    """What its parser lets through."""
    data = config.data
    if read_switch(data, "load_in_4bit") and read_switch(data, "load_in_8bit"):
        message = "`load_in_4bit` and `load_in_8bit` exclude each other"
        yield NativeViolation(("load_in_8bit",), message, "load_in_8bit: false")
    if read_switch(data, "padding_free") and not read_switch(data, "packing") and data.get("max_length", 1024):
        message = "`padding_free` without packing is refused with a `max_length`, which it would not enforce"
        yield NativeViolation(("padding_free",), message, "max_length: null, with rows truncated beforehand")


def check_never_run(config: NativeConfig) -> Iterator[NativeViolation]:
    """An adapter that is never made, and data that is never evaluated on."""
    data = config.data
    if config.names_config_file:
        return
    adapter = next((key for key in data if key.startswith("lora_") or key in ("use_dora", "use_rslora")), None)
    if adapter and not read_switch(data, "use_peft") and "$" not in str(data.get("use_peft", "")):
        message = f"without `use_peft: true`, `{adapter}` is ignored and all weights are trained"
        why = "Full fine-tuning needs several times an adapter's memory, and moves all of the model"
        yield NativeViolation((adapter,), message, "use_peft: true", why, at_key=True)
    held_out = data.get("test_split_size")
    if held_out and str(data.get("eval_strategy", "no")) in ("no", "False"):
        message = "`test_split_size` holds data out, and `eval_strategy` is not set: it is never used for evaluation"
        why = "The model trains on fewer examples, and its loss on the others is not measured"
        yield NativeViolation(("test_split_size",), message, "eval_strategy: epoch", why, at_key=True)


NATIVE_CHECKS: dict[str, NativeCheck] = {
    "QR212": check_ineffective_quantization,
    "QR213": check_broken_combinations,
    "QR706": check_never_run,
}
