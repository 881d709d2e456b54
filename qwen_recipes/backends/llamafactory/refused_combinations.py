"""Keys that LLaMA-Factory's parser refuses together (`hparams/parser.py` and its argument classes, 0.9.5)."""

from __future__ import annotations

from qwen_recipes.backends.refused_combination import Data, RefusedCombination, is_given, is_on, read_number

LORA_SWITCHES = ("use_dora", "use_rslora", "pissa_init", "loraplus_lr_ratio")
LOW_RANK_OPTIMIZERS = ("use_galore", "use_apollo", "use_badam")


def _get_method(data: Data) -> str:
    return str(data.get("finetuning_type", "lora"))


def _evaluates(data: Data) -> bool:
    when = str(data.get("eval_strategy", "no")).lower() not in ("no", "false", "none")
    return when or is_on(data, "do_eval") or is_on(data, "predict_with_generate")


def _has_evaluation_rows(data: Data) -> bool:
    return is_given(data, "eval_dataset") or (read_number(data, "val_size") or 0) > 1e-6


def _saves_between_evaluations(data: Data) -> bool:
    save, evaluate = read_number(data, "save_steps"), read_number(data, "eval_steps")
    return save is not None and evaluate is not None and evaluate >= 1 and save % evaluate != 0


REFUSED_COMBINATIONS = (
    RefusedCombination(
        ("quantization_bit",),
        lambda data: is_given(data, "quantization_bit") and _get_method(data) not in ("lora", "oft"),
        "a quantized base is only trained with `finetuning_type: lora` or `oft`",
        "finetuning_type: lora",
    ),
    *(
        RefusedCombination(
            (key,),
            lambda data, key=key: is_given(data, key) and _get_method(data) in ("full", "freeze"),  # type: ignore[misc]
            f"`{key}` is only for `finetuning_type: lora`",
            f"remove `{key}`",
        )
        for key in LORA_SWITCHES
    ),
    RefusedCombination(
        ("adapter_name_or_path",),
        lambda data: is_given(data, "adapter_name_or_path") and _get_method(data) in ("full", "freeze"),
        "`adapter_name_or_path` is only for `finetuning_type: lora`",
        "finetuning_type: lora",
    ),
    RefusedCombination(
        LOW_RANK_OPTIMIZERS,
        lambda data: _get_method(data) == "lora" and any(is_on(data, key) for key in LOW_RANK_OPTIMIZERS),
        "GaLore, APOLLO and BAdam do not train an adapter",
        "finetuning_type: full",
    ),
    RefusedCombination(
        LOW_RANK_OPTIMIZERS,
        lambda data: sum(is_on(data, key) for key in LOW_RANK_OPTIMIZERS) > 1,
        "GaLore, APOLLO and BAdam exclude each other",
        "keep one of them",
    ),
    RefusedCombination(
        ("mask_history",),
        lambda data: is_on(data, "mask_history") and is_on(data, "train_on_prompt"),
        "`mask_history` and `train_on_prompt` exclude each other",
        "keep one of them",
    ),
    RefusedCombination(
        ("eval_strategy", "predict_with_generate", "do_eval"),
        lambda data: _evaluates(data) and not _has_evaluation_rows(data),
        "evaluation is asked for, but there are no rows to evaluate on",
        "val_size: 0.05, or eval_dataset",
    ),
    RefusedCombination(
        ("val_size",),
        lambda data: (read_number(data, "val_size") or 0) > 1e-6 and is_given(data, "eval_dataset"),
        "`val_size` and `eval_dataset` exclude each other",
        "keep one of them",
    ),
    RefusedCombination(
        ("load_best_model_at_end",),
        lambda data: (
            is_on(data, "load_best_model_at_end")
            and data.get("save_strategy", "steps") not in ("best", data.get("eval_strategy", "no"))
        ),
        "`load_best_model_at_end` needs the same `eval_strategy` and `save_strategy`",
        "eval_strategy: steps, with the same in `save_strategy`",
    ),
    RefusedCombination(
        ("load_best_model_at_end",),
        lambda data: (
            is_on(data, "load_best_model_at_end")
            and data.get("eval_strategy") == data.get("save_strategy", "steps") == "steps"
            and _saves_between_evaluations(data)
        ),
        "`load_best_model_at_end` needs a `save_steps` that is a multiple of `eval_steps`",
        "save_steps: a multiple of `eval_steps`",
    ),
    RefusedCombination(
        ("streaming",),
        lambda data: is_on(data, "streaming") and (read_number(data, "max_steps") or -1) <= 0,
        "streaming needs `max_steps`: the number of rows is not known",
        "max_steps: 1000",
    ),
    RefusedCombination(
        ("max_samples",),
        lambda data: is_on(data, "streaming") and is_given(data, "max_samples"),
        "`max_samples` does not work with `streaming`",
        "remove `max_samples`",
    ),
    RefusedCombination(
        ("val_size",),
        lambda data: is_on(data, "streaming") and 1e-6 < (read_number(data, "val_size") or 0) < 1,
        "streaming needs a whole number of rows in `val_size`",
        "val_size: 100",
    ),
)
