"""What ms-swift breaks or ignores, told from configs that people wrote for it: by guard."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.ms_swift.commands import TRAINING_COMMANDS
from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.backends.native_violation import NativeCheck, NativeViolation, is_at_least
from qwen_recipes.backends.refused_combination import find_endless_warmup


def check_broken_combinations(config: NativeConfig) -> Iterator[NativeViolation]:
    """What the argument check of 4.6 lets pass."""
    if config.command not in TRAINING_COMMANDS or config.names_config_file:
        return
    data = {key.replace("-", "_"): value for key, value in config.data.items()}
    if (
        data.get("rlhf_type") == "kto"
        and data.get("gradient_accumulation_steps") is None
        and is_at_least("4.6", config)
    ):
        message = "KTO crashes in 4.6 unless `gradient_accumulation_steps` is given"
        yield NativeViolation(("rlhf_type",), message, "gradient_accumulation_steps: 16")
    bits = config.interpreted_settings.bits
    if bits and data.get("quant_method") == "bnb" and data.get("tuner_type") == "full":
        yield NativeViolation(
            ("tuner_type",), "a base quantized by bitsandbytes cannot be fully fine-tuned", "tuner_type: lora"
        )
    if bits and data.get("quant_method") == "bnb" and str(data.get("init_weights")).startswith("pissa"):
        yield NativeViolation(("init_weights",), "PiSSA cannot start from a quantized base", "init_weights: true")


def check_ineffective_quantization(config: NativeConfig) -> Iterator[NativeViolation]:
    """Bits without a method."""
    data = config.data
    if config.command not in TRAINING_COMMANDS or config.names_config_file:
        return
    if data.get("quant_bits") and not data.get("quant_method"):
        message = "`quant_bits` has no effect without `quant_method`"
        yield NativeViolation(("quant_bits",), message, "quant_method: bnb", at_key=True)


def check_never_run(config: NativeConfig) -> Iterator[NativeViolation]:
    """A warmup that is longer than the run."""
    if config.command in TRAINING_COMMANDS:
        yield from find_endless_warmup(config)


NATIVE_CHECKS: dict[str, NativeCheck] = {
    "QR212": check_ineffective_quantization,
    "QR213": check_broken_combinations,
    "QR706": check_never_run,
}
