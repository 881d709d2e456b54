"""Keys that Axolotl renamed, deprecated or removed: its schema compared release by release, 0.9 to 0.21."""

from __future__ import annotations

from typing import Any

from qwen_recipes.backends.native import Change


def _on(value: Any) -> bool:
    return bool(value)


def _says(*words: Any) -> Any:
    return lambda value: value in words


def _sharegpt(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("sharegpt")


def _not_two(value: Any) -> bool:
    return value is not None and str(value) != "2"


_ATTENTION = {
    "xformers_attention": "xformers",
    "sage_attention": "sage",
    "flex_attention": "flex_attention",
    "flash_attention": "flash_attention_2",
    "sdp_attention": "sdpa",
    "eager_attention": "eager",
}
_UNSLOTH = {
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
_TRL = "TRL 0.29 dropped it, and Axolotl refuses it"

CHANGES = (
    Change("datasets[].type", "0.9", "the sharegpt strategies are gone", "type: chat_template", "0.9", _sharegpt),
    Change("datasets[].conversation", "0.9", "it belonged to the sharegpt strategies", "type: chat_template, with"
           " `chat_template` where the tokenizer's own is not meant", "0.9"),
    Change("datasets[].message_field_role", "0.9", "it is mapped to the new key", "message_property_mappings:"
           " {role: …}"),
    Change("datasets[].message_field_content", "0.9", "it is mapped to the new key", "message_property_mappings:"
           " {content: …}"),
    Change("max_packed_sequence_len", "0.9", "it is refused", "sample_packing: true", "0.9", _on),
    Change("rope_scaling", "0.9", "at the top level it is refused", "overrides_of_model_config: {rope_scaling: …}",
           "0.9", _on),
    Change("noisy_embedding_alpha", "0.9", "it is mapped to the new key", "neftune_noise_alpha", None, _on),
    Change("evaluation_strategy", "0.9", "it is mapped to the new key", "eval_strategy"),
    Change("dpo_beta", "0.9", "it is mapped to the new key", "rl_beta"),
    Change("gradient_checkpointing", "0.10", "`unsloth` is gone", "activation_offloading: true", "0.10",
           _says("unsloth")),
    Change("gradient_checkpointing", "0.12", "offloading has a key of its own",
           "gradient_checkpointing: true and activation_offloading: true", None, _says("offload")),
    Change("gradient_checkpointing", "0.12", "offloading has a key of its own",
           "gradient_checkpointing: true and activation_offloading: disk", None, _says("offload_disk")),
    Change("sequence_parallel_degree", "0.12", "it is mapped to the new key", "context_parallel_size", None, _on),
    Change("flash_attn_fuse_qkv", "0.12", "nothing reads it any more", "remove it", "0.12"),
    Change("relora_steps", "0.12", "nothing reads it any more", "jagged_restart_steps", "0.12"),
    Change("relora_warmup_steps", "0.12", "nothing reads it any more", "jagged_restart_warmup_steps", "0.12"),
    Change("relora_anneal_steps", "0.12", "nothing reads it any more", "jagged_restart_anneal_steps", "0.12"),
    Change("fsdp_final_state_dict_type", "0.12", "it moved", "fsdp_config: {final_state_dict_type: …}"),
    Change("dataset_processes", "0.13", "it is mapped to the new key", "dataset_num_proc"),
    Change("pretrain_multipack_buffer_size", "0.13", "it is mapped to the new key",
           "streaming_multipack_buffer_size"),
    Change("save_safetensors", "0.14", "transformers 5 writes safetensors only, and false is refused", "remove it",
           "0.14", _says(False)),
    Change("rpo_alpha", "0.16", _TRL, "dpo_loss_type: [sigmoid, sft] with dpo_loss_weights: [1.0, …]", "0.16"),
    *(Change(key, "0.16", _TRL, "remove it", "0.16")
      for key in ("dpo_norm_loss", "dpo_generate_during_eval", "dpo_use_logits_to_keep")),
    *(Change(key, "0.17", "it is mapped to the new key", f"attn_implementation: {name}", None, _on)
      for key, name in _ATTENTION.items()),
    *(Change(key, "0.17", "Axolotl refuses it", write, "0.17", _on) for key, write in _UNSLOTH.items()),
    Change("s2_attention", "0.17", "shifted-sparse attention is gone", "remove it", "0.17", _on),
    Change("flash_attn_rms_norm", "0.17", "Axolotl refuses it", "liger_rms_norm: true, with the Liger plugin", "0.17",
           _on),
    Change("gc_steps", "0.17", "it is mapped to the new keys", "torch_empty_cache_steps and gc_collect_steps"),
    Change("rl", "0.17", "IPO is a loss of DPO now", "rl: dpo and dpo_loss_type: [ipo]", None, _says("ipo")),
    Change("fsdp", "0.12", "FSDP1 is gone, and the list is refused", "fsdp_version: 2 and fsdp_config", "0.20", _on),
    Change("fsdp_version", "0.20", "FSDP1 is gone", "fsdp_version: 2", "0.20", _not_two),
    *(Change(f"fsdp_config.{prefix}sharding_strategy", "0.20", "FSDP1 is gone, and its options are refused",
             "reshard_after_forward: true", "0.20") for prefix in ("", "fsdp_")),
    *(Change(f"fsdp_config.{prefix}forward_prefetch", "0.20", "FSDP1 is gone, and its options are refused",
             "remove it", "0.20") for prefix in ("", "fsdp_")),
    *(Change(f"fsdp_config.{prefix}{key}", "0.20", "FSDP2 has no such option; it is ignored", "remove it")
      for key in _FSDP1_IGNORED for prefix in ("", "fsdp_")),
    *(Change(key, "0.20", "context parallelism no longer uses it", "remove it")
      for key in ("ring_attn_func", "heads_k_stride")),
)  # fmt: skip
