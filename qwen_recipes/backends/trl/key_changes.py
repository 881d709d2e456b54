"""Keys that TRL's versions, or transformers below them, renamed or removed.

Those of 0.29: the classes of 0.19.1 have them, and those of 0.29.0 and 1.0.0 do not.
"""

from __future__ import annotations

from qwen_recipes.backends.native_config import KeyChange

_IGNORED = "accelerate's launcher refuses it, and a script started without the launcher ignores it"
_BY_TRANSFORMERS = f"removed in transformers 5; {_IGNORED}"
_RENAMED = {
    "max_seq_length": "max_length",
    "torch_dtype": "dtype",
    "use_liger_loss": "use_liger_kernel",
    "gradient_checkpointing_use_reentrant": "gradient_checkpointing_kwargs: {use_reentrant: …}",
    "vllm_guided_decoding_regex": "vllm_structured_outputs_regex",
    "wandb_log_unique_prompts": "log_unique_prompts",
    "rpo_alpha": "loss_type: [sigmoid, sft] with loss_weights",
}
_REMOVED = (
    *("max_prompt_length", "label_pad_token_id", "padding_value", "generate_during_eval", "reference_free"),
    *("force_use_ref_model", "ref_model_init_kwargs", "model_adapter_name", "ref_adapter_name"),
    *("base_model_attribute_name", "is_encoder_decoder", "use_logits_to_keep"),
)
_OF_TRANSFORMERS = {
    "warmup_ratio": "warmup_steps, which is a share of the run below 1",
    "group_by_length": "train_sampling_strategy: group_by_length",
    "evaluation_strategy": "eval_strategy",
    "no_cuda": "use_cpu",
    "overwrite_output_dir": "remove it",
    "save_safetensors": "remove it",
    "logging_dir": "remove it",
}

KEY_CHANGES = (
    *(KeyChange(key, "0.29", _IGNORED, write, "0.29") for key, write in _RENAMED.items()),
    *(KeyChange(key, "0.29", _IGNORED, "remove it", "0.29") for key in _REMOVED),
    *(KeyChange(key, "1.14", _BY_TRANSFORMERS, write, "1.14") for key, write in _OF_TRANSFORMERS.items()),
)
