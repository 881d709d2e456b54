"""Keys that LLaMA-Factory's versions renamed, removed or redefined."""

from __future__ import annotations

from qwen_recipes.backends.native import Change


def _bitsandbytes(value: object) -> bool:
    return value == "bitsandbytes"


_TRANSFORMERS = "transformers 5 dropped it, and the parser refuses it"

CHANGES = (
    *(Change(key, "0.9.2", "the parser refuses it", write, "0.9.2")
      for key, write in {"image_resolution": "image_max_pixels", "image_dir": "media_dir",
                         "train_mm_proj_only": "freeze_vision_tower and freeze_language_model"}.items()),
    Change("new_special_tokens", "0.9.3", "the parser refuses it", "add_special_tokens", "0.9.3"),
    Change("quantization_method", "0.9.3", "the method is called bnb; with the old name the base is loaded"
           " unquantized, without a word", "quantization_method: bnb", "0.9.3", _bitsandbytes),
    Change("use_cache", "0.9.4", "it is the switch of transformers now; that for inference has a new name",
           "use_kv_cache"),
    *(Change(key, "0.9.5", "the parser refuses it", "remove it", "0.9.5")
      for key in ("ray_run_name", "ray_storage_path", "ray_storage_filesystem", "resources_per_worker",
                  "placement_strategy", "kt_optimize_rule", "cpu_infer", "chunk_size")),
    Change("evaluation_strategy", "0.9.5", _TRANSFORMERS, "eval_strategy", "0.9.5"),
    Change("save_safetensors", "0.9.5", _TRANSFORMERS, "remove it", "0.9.5"),
    Change("group_by_length", "0.9.5", _TRANSFORMERS, "train_sampling_strategy: group_by_length", "0.9.5"),
    Change("no_cuda", "0.9.5", _TRANSFORMERS, "use_cpu", "0.9.5"),
    Change("adafactor", "0.9.5", _TRANSFORMERS, "optim: adafactor", "0.9.5"),
    Change("per_gpu_train_batch_size", "0.9.5", _TRANSFORMERS, "per_device_train_batch_size", "0.9.5"),
    Change("per_gpu_eval_batch_size", "0.9.5", _TRANSFORMERS, "per_device_eval_batch_size", "0.9.5"),
    Change("include_tokens_per_second", "0.9.5", _TRANSFORMERS, "include_effective_tokens_per_second", "0.9.5"),
    Change("fp16_backend", "0.9.5", _TRANSFORMERS, "remove it", "0.9.5"),
)  # fmt: skip
