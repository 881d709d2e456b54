"""Keys that Axolotl's validation refuses together (`utils/schemas/validation.py`, 0.21.0)."""

from __future__ import annotations

from qwen_recipes.backends.refused_combination import Data, RefusedCombination, is_given, is_on, read_number

BUILT_IN_ADAPTERS = ("lora", "qlora", "llama-adapter")


def _quantizes(data: Data) -> bool:
    return is_on(data, "load_in_4bit") or is_on(data, "load_in_8bit")


def _holds_nothing_out(data: Data) -> bool:
    return data.get("val_set_size") is not None and read_number(data, "val_set_size") == 0 and not _has_tests(data)


def _has_tests(data: Data) -> bool:
    return is_given(data, "test_datasets")


def _both(first: str, second: str, suggestion: str) -> RefusedCombination:
    return RefusedCombination(
        (second,),
        lambda data: is_given(data, first) and is_given(data, second),
        f"`{first}` and `{second}` exclude each other",
        suggestion,
    )


REFUSED_COMBINATIONS = (
    RefusedCombination(
        ("adapter",),
        lambda data: data["adapter"] not in BUILT_IN_ADAPTERS and not is_given(data, "plugins"),
        "no such adapter is built in, and no plugin is listed that could bring it",
        "adapter: lora or qlora",
    ),
    RefusedCombination(
        ("load_in_4bit", "load_in_8bit"),
        lambda data: _quantizes(data) and not is_given(data, "adapter"),
        "a quantized base is not trained without an adapter",
        "adapter: qlora, or a base in 16 bits",
    ),
    RefusedCombination(
        ("adapter",),
        lambda data: data["adapter"] == "qlora" and not is_on(data, "load_in_4bit") and not is_on(data, "load_in_8bit"),
        "`adapter: qlora` needs `load_in_4bit: true`",
        "load_in_4bit: true",
    ),
    _both("warmup_ratio", "warmup_steps", "keep one of them"),
    _both("save_steps", "saves_per_epoch", "keep one of them"),
    _both("eval_steps", "evals_per_epoch", "keep one of them"),
    _both("gradient_accumulation_steps", "batch_size", "keep one of them"),
    _both("fsdp_config", "deepspeed", "keep one of them"),
    RefusedCombination(
        ("save_steps",),
        lambda data: is_given(data, "save_steps") and data.get("save_strategy") not in (None, "steps"),
        "`save_steps` needs `save_strategy: steps`",
        "save_strategy: steps, or remove `save_steps`",
    ),
    RefusedCombination(
        ("eval_steps",),
        lambda data: is_given(data, "eval_steps") and data.get("eval_strategy") not in (None, "steps"),
        "`eval_steps` needs `eval_strategy: steps`",
        "eval_strategy: steps, or remove `eval_steps`",
    ),
    RefusedCombination(
        ("evals_per_epoch",),
        lambda data: is_given(data, "evals_per_epoch") and data.get("eval_strategy") not in (None, "steps"),
        "`evals_per_epoch` needs `eval_strategy: steps` or none",
        "remove `eval_strategy`",
    ),
    RefusedCombination(
        ("eval_steps", "eval_strategy"),
        lambda data: _holds_nothing_out(data) and (is_given(data, "eval_steps") or is_given(data, "eval_strategy")),
        "evaluation is asked for, but `val_set_size` is 0",
        "val_set_size: 0.05, or remove the evaluation",
    ),
    RefusedCombination(
        ("val_set_size",),
        lambda data: (read_number(data, "val_set_size") or 0) > 0 and _has_tests(data),
        "`val_set_size` and `test_datasets` exclude each other",
        "val_set_size: 0",
    ),
    RefusedCombination(
        ("sample_packing",),
        lambda data: is_on(data, "sample_packing") and is_given(data, "rl"),
        "preferences are not packed",
        "sample_packing: false",
    ),
    RefusedCombination(
        ("streaming",),
        lambda data: is_on(data, "streaming") and not is_given(data, "max_steps"),
        "streaming needs `max_steps`: the number of rows is not known",
        "max_steps: 1000",
    ),
    RefusedCombination(
        ("chat_template",),
        lambda data: data["chat_template"] == "jinja" and not is_given(data, "chat_template_jinja"),
        "`chat_template: jinja` needs `chat_template_jinja`",
        "chat_template_jinja: the template, or chat_template: tokenizer_default",
    ),
    RefusedCombination(
        ("early_stopping_patience",),
        lambda data: (
            is_given(data, "early_stopping_patience")
            and not (is_given(data, "save_steps") and is_given(data, "eval_steps"))
        ),
        "early stopping needs `save_steps` and `eval_steps`",
        "save_steps: 100, with `eval_steps: 100`",
    ),
)
