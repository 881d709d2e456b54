"""What LLaMA-Factory breaks, ignores or never does, told from configs that people wrote for it: by guard."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.llamafactory.refused_combinations import REFUSED_COMBINATIONS
from qwen_recipes.backends.located_values import read_switch
from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.backends.native_violation import NativeCheck, NativeViolation, is_at_least
from qwen_recipes.backends.refused_combination import find_endless_warmup, find_refused_combinations
from qwen_recipes.yaml_text.nodes import Mapping

QUANTIZATION_METHODS = ("bnb", "hqq", "eetq")


def check_broken_combinations(config: NativeConfig) -> Iterator[NativeViolation]:
    """Since 0.9.3."""
    data = config.data
    if config.command != "train":
        return
    if read_switch(data, "use_dora") and config.interpreted_settings.bits and is_at_least("0.9.3", config):
        yield NativeViolation(
            ("use_dora",),
            "DoRA on a quantized base has been refused since 0.9.3",
            "use_dora: false, or a 16-bit base",
        )
    loss = data.get("pref_loss")
    if loss in ("hinge", "ipo", "kto_pair") and data.get("stage") == "dpo" and is_at_least("0.9.4", config):
        message = f"`pref_loss: {loss}` has silently trained the sigmoid loss since 0.9.4"
        yield NativeViolation(("pref_loss",), message, "pref_loss: sigmoid, orpo or simpo")
    if data.get("stage") == "ppo" and is_at_least("0.9.4", config):
        message = "PPO fails to start: it needs TRL 0.9.6 or older, and this version needs TRL 0.18 or newer"
        yield NativeViolation(("stage",), message, "stage: dpo, or LLaMA-Factory 0.9.3")
    adapter = config.interpreted_settings.adapter
    if read_switch(data, "use_asft_loss") and adapter and not data.get("ref_model"):
        yield NativeViolation(
            ("use_asft_loss",), "ASFT with an adapter crashes without `ref_model`", "ref_model: the base"
        )


def check_ineffective_quantization(config: NativeConfig) -> Iterator[NativeViolation]:
    """A method that it does not know is passed over."""
    data = config.data
    if config.command != "train":
        return
    method = data.get("quantization_method")
    named = (
        isinstance(method, str)
        and method not in QUANTIZATION_METHODS
        and method != "bitsandbytes"
        and "$" not in method
    )
    if data.get("quantization_bit") and named and is_at_least("0.9.3", config):
        message = f"unknown quantization method {method}: the base is loaded in 16 bits"
        yield NativeViolation(("quantization_method",), message, "quantization_method: bnb")


def check_never_run(config: NativeConfig) -> Iterator[NativeViolation]:
    """Without one of its switches the command ends well and has done nothing."""
    data = config.data
    if config.command != "train" or config.names_config_file:
        return
    asked = any(read_switch(data, key) for key in ("do_train", "do_eval", "do_predict"))
    written = {"do_train", "do_eval", "do_predict"} & set(data)
    if not asked and not any("$" in str(data[key]) for key in written):
        yield NativeViolation(
            ("do_train",) if "do_train" in data else ("model_name_or_path",),
            "without `do_train: true` the command exits 0 and trains nothing",
            "do_train: true",
            at_key=True,
        )
    yield from find_endless_warmup(config)


def check_attention_fallback(config: NativeConfig) -> Iterator[NativeViolation]:
    """Without flash-attn, which it does not install, it warns once and goes on."""
    if config.command == "train" and config.data.get("flash_attn") == "fa2":
        message = "LLaMA-Factory computes with sdpa, silently, where flash-attn is not installed"
        yield NativeViolation(("flash_attn",), message, "install flash-attn, or `flash_attn: sdpa`")


def check_packed_attention(config: NativeConfig) -> Iterator[NativeViolation]:
    """Packing without its second switch."""
    data = config.data
    if config.command != "train" or config.names_config_file or data.get("stage", "sft") != "sft":
        return
    apart = read_switch(data, "neat_packing") or "$" in str(data.get("neat_packing"))
    if read_switch(data, "packing") and not apart:
        message = "packed examples attend to each other without `neat_packing`"
        yield NativeViolation(("packing",), message, "neat_packing: true", severity="warning", at_key=True)


def check_refused(config: NativeConfig) -> Iterator[NativeViolation]:
    """Combinations that its parser refuses, and flags after a file, which it reads as keys of that name."""
    if config.command != "train":
        return
    if config.form == "shell" and config.names_config_file:
        root = config.document.root
        for key in config.data:
            span = root.keys[key] if isinstance(root, Mapping) else None
            line = config.document.text.split("\n")[span.line - 1] if span else ""
            if span and line[span.column - 1 :].startswith("--"):
                message = f"after a file, settings are written `key=value`: `--{key}` is refused"
                yield NativeViolation((key,), message, f"{key}={config.data[key]}", at_key=True)
    elif not config.names_config_file:
        yield from find_refused_combinations(config, REFUSED_COMBINATIONS)


NATIVE_CHECKS: dict[str, NativeCheck] = {
    "QR212": check_ineffective_quantization,
    "QR213": check_broken_combinations,
    "QR408": check_packed_attention,
    "QR424": check_attention_fallback,
    "QR706": check_never_run,
    "QR709": check_refused,
}
