"""Keys that Axolotl renamed, deprecated or removed: its schema compared release by release, 0.9 to 0.21."""

from __future__ import annotations

from typing import Any

from qwen_recipes.backends.native_config import KeyChange


def _is_enabled(value: object) -> bool:
    return bool(value)


def _is_one_of(*words: object) -> Any:
    return lambda value: value in words


def _is_sharegpt(value: object) -> bool:
    return isinstance(value, str) and value.startswith("sharegpt")


def _is_not_two(value: object) -> bool:
    return value is not None and str(value) != "2"


_ATTENTION_SWITCHES = {
    "xformers_attention": "xformers",
    "sage_attention": "sage",
    "flex_attention": "flex_attention",
    "flash_attention": "flash_attention_2",
    "sdp_attention": "sdpa",
    "eager_attention": "eager",
}
_UNSLOTH_SWITCHES = {
    "unsloth_cross_entropy_loss": "remove it",
    "unsloth_lora_mlp": "lora_mlp_kernel: true",
    "unsloth_lora_qkv": "lora_qkv_kernel: true",
    "unsloth_lora_o": "lora_o_kernel: true",
    "unsloth_rms_norm": "remove it",
    "unsloth_rope": "remove it",
}
_FSDP1_IGNORED = (
    "sync_module_states", "backward_prefetch", "backward_prefetch_policy", "limit_all_gathers", "use_orig_params",
)  # fmt: skip
_DROPPED_BY_TRL = "removed in TRL 0.29; Axolotl refuses it"

KEY_CHANGES = (
    KeyChange("datasets[].type", "0.9", "sharegpt strategies were removed", "type: chat_template", "0.9", _is_sharegpt),
    KeyChange("datasets[].conversation", "0.9", "it belonged to the sharegpt strategies", "type: chat_template, with"
              " `chat_template` where the tokenizer's own is not meant", "0.9"),
    KeyChange("datasets[].message_field_role", "0.9", "it is mapped to the new key", "message_property_mappings:"
              " {role: …}"),
    KeyChange("datasets[].message_field_content", "0.9", "it is mapped to the new key", "message_property_mappings:"
              " {content: …}"),
    KeyChange("max_packed_sequence_len", "0.9", "it is refused", "sample_packing: true", "0.9", _is_enabled),
    KeyChange("rope_scaling", "0.9", "at the top level it is refused", "overrides_of_model_config: {rope_scaling: …}",
              "0.9", _is_enabled),
    KeyChange("noisy_embedding_alpha", "0.9", "it is mapped to the new key", "neftune_noise_alpha", None, _is_enabled),
    KeyChange("evaluation_strategy", "0.9", "it is mapped to the new key", "eval_strategy"),
    KeyChange("dpo_beta", "0.9", "it is mapped to the new key", "rl_beta"),
    KeyChange("gradient_checkpointing", "0.10", "`unsloth` was removed", "activation_offloading: true", "0.10",
              _is_one_of("unsloth")),
    KeyChange("gradient_checkpointing", "0.12", "offloading has a separate key",
              "gradient_checkpointing: true and activation_offloading: true", None, _is_one_of("offload")),
    KeyChange("gradient_checkpointing", "0.12", "offloading has a separate key",
              "gradient_checkpointing: true and activation_offloading: disk", None, _is_one_of("offload_disk")),
    KeyChange("sequence_parallel_degree", "0.12", "it is mapped to the new key", "context_parallel_size", None,
              _is_enabled),
    KeyChange("flash_attn_fuse_qkv", "0.12", "it is no longer read", "remove it", "0.12"),
    KeyChange("relora_steps", "0.12", "it is no longer read", "jagged_restart_steps", "0.12"),
    KeyChange("relora_warmup_steps", "0.12", "it is no longer read", "jagged_restart_warmup_steps", "0.12"),
    KeyChange("relora_anneal_steps", "0.12", "it is no longer read", "jagged_restart_anneal_steps", "0.12"),
    KeyChange("fsdp_final_state_dict_type", "0.12", "it moved", "fsdp_config: {final_state_dict_type: …}"),
    KeyChange("dataset_processes", "0.13", "it is mapped to the new key", "dataset_num_proc"),
    KeyChange("pretrain_multipack_buffer_size", "0.13", "it is mapped to the new key",
              "streaming_multipack_buffer_size"),
    KeyChange("save_safetensors", "0.14", "transformers 5 writes safetensors only, and false is refused", "remove it",
              "0.14", _is_one_of(False)),
    KeyChange("rpo_alpha", "0.16", _DROPPED_BY_TRL, "dpo_loss_type: [sigmoid, sft] with dpo_loss_weights: [1.0, …]",
              "0.16"),
    *(KeyChange(key, "0.16", _DROPPED_BY_TRL, "remove it", "0.16")
      for key in ("dpo_norm_loss", "dpo_generate_during_eval", "dpo_use_logits_to_keep")),
    *(KeyChange(key, "0.17", "it is mapped to the new key", f"attn_implementation: {name}", None, _is_enabled)
      for key, name in _ATTENTION_SWITCHES.items()),
    *(KeyChange(key, "0.17", "Axolotl refuses it", write, "0.17", _is_enabled)
      for key, write in _UNSLOTH_SWITCHES.items()),
    KeyChange("s2_attention", "0.17", "shifted-sparse attention was removed", "remove it", "0.17", _is_enabled),
    KeyChange("flash_attn_rms_norm", "0.17", "Axolotl refuses it", "liger_rms_norm: true, with the Liger plugin",
              "0.17", _is_enabled),
    KeyChange("gc_steps", "0.17", "it is mapped to the new keys", "torch_empty_cache_steps and gc_collect_steps"),
    KeyChange("rl", "0.17", "IPO is a loss of DPO now", "rl: dpo and dpo_loss_type: [ipo]", None, _is_one_of("ipo")),
    KeyChange("fsdp", "0.12", "FSDP1 was removed; the list is refused", "fsdp_version: 2 and fsdp_config", "0.20",
              _is_enabled),
    KeyChange("fsdp_version", "0.20", "FSDP1 is gone", "fsdp_version: 2", "0.20", _is_not_two),
    *(KeyChange(f"fsdp_config.{prefix}sharding_strategy", "0.20", "FSDP1 was removed; its options are refused",
                "reshard_after_forward: true", "0.20") for prefix in ("", "fsdp_")),
    *(KeyChange(f"fsdp_config.{prefix}forward_prefetch", "0.20", "FSDP1 was removed; its options are refused",
                "remove it", "0.20") for prefix in ("", "fsdp_")),
    *(KeyChange(f"fsdp_config.{prefix}{key}", "0.20", "FSDP2 has no such option; it is ignored", "remove it")
      for key in _FSDP1_IGNORED for prefix in ("", "fsdp_")),
    *(KeyChange(key, "0.20", "context parallelism no longer uses it", "remove it")
      for key in ("ring_attn_func", "heads_k_stride")),
)  # fmt: skip
