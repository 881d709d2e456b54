"""Makes three small Qwen3 models, or compares merges of them with what they claim: run in mergekit's environment.

`python merge_models_program.py make FOLDER TOKENIZER`, then, when `linear` and `task_arithmetic` are merged there with
weights 0.7 and 0.3, `python merge_models_program.py compare FOLDER`, which prints a line of JSON.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

LAYERS, HIDDEN, WIDE, ROWS = 2, 32, 64, 151936
SHAPES = {
    "self_attn.q_proj": (32, HIDDEN), "self_attn.k_proj": (16, HIDDEN), "self_attn.v_proj": (16, HIDDEN),
    "self_attn.o_proj": (HIDDEN, 32), "mlp.gate_proj": (WIDE, HIDDEN), "mlp.up_proj": (WIDE, HIDDEN),
    "mlp.down_proj": (HIDDEN, WIDE), "input_layernorm": (HIDDEN,), "post_attention_layernorm": (HIDDEN,),
    "self_attn.q_norm": (8,), "self_attn.k_norm": (8,),
}  # fmt: skip
CONFIG = {
    "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": HIDDEN, "intermediate_size": WIDE,
    "num_hidden_layers": LAYERS, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": ROWS,
    "tie_word_embeddings": True, "max_position_embeddings": 128, "rms_norm_eps": 1e-6, "hidden_act": "silu",
    "attention_bias": False, "dtype": "float32", "rope_theta": 1e6,
}  # fmt: skip


def make(folder: Path, tokenizer: Path) -> None:
    torch.manual_seed(0)
    base = {"model.embed_tokens.weight": torch.randn(ROWS, HIDDEN), "model.norm.weight": torch.ones(HIDDEN)}
    for layer in range(LAYERS):
        base |= {f"model.layers.{layer}.{name}.weight": torch.randn(shape) for name, shape in SHAPES.items()}
    for name in ("base", "a", "b"):
        place = folder / name
        place.mkdir()
        moved = base if name == "base" else {key: one + 0.1 * torch.randn_like(one) for key, one in base.items()}
        save_file(moved, place / "model.safetensors", {"format": "pt"})
        (place / "config.json").write_text(json.dumps(CONFIG))
        (place / "generation_config.json").write_text('{"eos_token_id": [151645, 151643]}')
        for file in tokenizer.iterdir():
            shutil.copy(file, place / file.name)


def compare(folder: Path) -> dict:
    base, a, b = (load_file(folder / name / "model.safetensors") for name in ("base", "a", "b"))
    exact = {
        "linear": {key: 0.7 * a[key] + 0.3 * b[key] for key in base},
        "task_arithmetic": {key: base[key] + 0.7 * (a[key] - base[key]) + 0.3 * (b[key] - base[key]) for key in base},
    }
    found = {}
    for name, expected in exact.items():
        merged = load_file(folder / name / "model.safetensors")
        found[name] = {
            "same_names": set(merged) == set(expected),
            "difference": max((merged[key] - one).abs().max().item() for key, one in expected.items()),
            "rows": merged["model.embed_tokens.weight"].shape[0],
            "vocab_size": json.loads((folder / name / "config.json").read_text())["vocab_size"],
            "generation": json.loads((folder / name / "generation_config.json").read_text()),
            "tokenizer": (folder / name / "tokenizer.json").is_file(),
        }
    return found


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        print(json.dumps(compare(Path(sys.argv[2]))))
