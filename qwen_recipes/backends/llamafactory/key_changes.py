"""Keys that LLaMA-Factory's versions renamed, removed or redefined."""

from __future__ import annotations

from qwen_recipes.backends.native_config import KeyChange


def _is_bitsandbytes(value: object) -> bool:
    return value == "bitsandbytes"


_DROPPED_BY_TRANSFORMERS = "removed in transformers 5; the parser refuses it"

KEY_CHANGES = (
    *(KeyChange(key, "0.9.2", "the parser refuses it", write, "0.9.2")
      for key, write in {"image_resolution": "image_max_pixels", "image_dir": "media_dir",
                         "train_mm_proj_only": "freeze_vision_tower and freeze_language_model"}.items()),
    KeyChange("new_special_tokens", "0.9.3", "the parser refuses it", "add_special_tokens", "0.9.3"),
    KeyChange("quantization_method", "0.9.3", "the method is called bnb; with the old name the base is loaded"
              " unquantized, silently", "quantization_method: bnb", "0.9.3", _is_bitsandbytes),
    KeyChange("use_cache", "0.9.4", "it is the switch of transformers now; that for inference has a new name",
              "use_kv_cache"),
    *(KeyChange(key, "0.9.5", "the parser refuses it", "remove it", "0.9.5")
      for key in ("ray_run_name", "ray_storage_path", "ray_storage_filesystem", "resources_per_worker",
                  "placement_strategy", "kt_optimize_rule", "cpu_infer", "chunk_size")),
    KeyChange("evaluation_strategy", "0.9.5", _DROPPED_BY_TRANSFORMERS, "eval_strategy", "0.9.5"),
    KeyChange("save_safetensors", "0.9.5", _DROPPED_BY_TRANSFORMERS, "remove it", "0.9.5"),
    KeyChange("group_by_length", "0.9.5", _DROPPED_BY_TRANSFORMERS, "train_sampling_strategy: group_by_length",
              "0.9.5"),
    KeyChange("no_cuda", "0.9.5", _DROPPED_BY_TRANSFORMERS, "use_cpu", "0.9.5"),
    KeyChange("adafactor", "0.9.5", _DROPPED_BY_TRANSFORMERS, "optim: adafactor", "0.9.5"),
    KeyChange("per_gpu_train_batch_size", "0.9.5", _DROPPED_BY_TRANSFORMERS, "per_device_train_batch_size", "0.9.5"),
    KeyChange("per_gpu_eval_batch_size", "0.9.5", _DROPPED_BY_TRANSFORMERS, "per_device_eval_batch_size", "0.9.5"),
    KeyChange("include_tokens_per_second", "0.9.5", _DROPPED_BY_TRANSFORMERS, "include_effective_tokens_per_second",
              "0.9.5"),
    KeyChange("fp16_backend", "0.9.5", _DROPPED_BY_TRANSFORMERS, "remove it", "0.9.5"),
)  # fmt: skip
