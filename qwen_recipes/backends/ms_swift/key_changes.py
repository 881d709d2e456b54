"""Flags that ms-swift's versions renamed or removed."""

from __future__ import annotations

from qwen_recipes.backends.native_config import KeyChange

_REFUSED_BY_PARSER = "the parser refuses it"
_DROPPED_BY_TRANSFORMERS = "removed in transformers 5; the parser refuses it"
_MEGATRON_COMMANDS = ("megatron sft", "megatron pt", "megatron rlhf", "megatron export")
_FORMER_MODEL_TYPES = (
    "qwen3_thinking", "qwen3_nothinking", "qwen3_coder", "qwen3_guard", "qwen3_moe_thinking", "qwen3_next_thinking",
)  # fmt: skip


def _is_former_model_type(value: object) -> bool:
    return value in _FORMER_MODEL_TYPES


def _is_pt_backend(value: object) -> bool:
    return value == "pt"


KEY_CHANGES = (
    *(KeyChange(key, "3.0", _REFUSED_BY_PARSER, write, "3.0") for key, write in {
        "sft_type": "tuner_type", "lora_target_modules": "target_modules", "model_id_or_path": "model",
        "template_type": "template", "quantization_bit": "quant_bits",
        "eval_batch_size": "per_device_eval_batch_size",
        "batch_size": "per_device_train_batch_size", "lora_dropout_p": "lora_dropout", "dtype": "torch_dtype",
        "custom_train_dataset_path": "dataset", "use_flash_attn": "attn_impl: flash_attn",
        "resume_only_model_from": "resume_from_checkpoint"}.items()),
    KeyChange("config", "4.1.0", "the file comes first, without a flag", "swift sft config.yaml", "4.1.0"),
    KeyChange("train_type", "4.0.0", "it has a new name; 4.0 warned, 4.1 refuses it", "tuner_type", "4.1.0"),
    KeyChange("model_type", "4.0.0", "it is the name of a template now", "template, and model_type: qwen3 or qwen3_moe",
              "4.0.0", _is_former_model_type),
    KeyChange("infer_backend", "4.0.0", "`pt` has a new name", "infer_backend: transformers", "4.0.0", _is_pt_backend),
    KeyChange("lora_modules", "4.0.0", _REFUSED_BY_PARSER, "adapters", "4.0.0"),
    KeyChange("ckpt_dir", "4.0.0", _REFUSED_BY_PARSER, "adapters", "4.0.0"),
    KeyChange("evaluation_strategy", "4.1.0", _DROPPED_BY_TRANSFORMERS, "eval_strategy", "4.1.0"),
    KeyChange("no_cuda", "4.1.0", _DROPPED_BY_TRANSFORMERS, "use_cpu", "4.1.0"),
    KeyChange("save_safetensors", "4.1.0", _DROPPED_BY_TRANSFORMERS, "remove it", "4.1.0",
              commands=("sft", "pt", "rlhf")),
    KeyChange("overwrite_output_dir", "4.1.0", _DROPPED_BY_TRANSFORMERS, "remove it", "4.1.0"),
    *(KeyChange(key, "4.0.0", "it has a new name", write, "4.0.0", commands=_MEGATRON_COMMANDS) for key, write in {
        "save": "output_dir", "load": "mcore_model", "save_interval": "save_steps", "eval_interval": "eval_steps",
        "log_interval": "logging_steps", "max_epochs": "num_train_epochs", "num_workers": "dataloader_num_workers",
        "adapter_load": "mcore_adapter"}.items()),
)  # fmt: skip
