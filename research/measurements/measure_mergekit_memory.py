"""Host memory of a merge of two whole models by mergekit, against the estimate.

`python -m research.measurements.measure_mergekit_memory ENVIRONMENT [METHOD...]`, with mergekit's environment, writes
results/mergekit_memory.json. The models are sparse files of zeros with the shapes of Qwen3-1.7B and one layer, in 16
bits: memory depends on the largest weight, and on the shard that is written.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from qwen_recipes.estimate.host_memory import MERGEKIT_SHARD_PARAMETERS, estimate_model_merge_memory
from qwen_recipes.export.merge_models import ModelMerge, build_mergekit_config
from qwen_recipes.qwen.models import get_model_facts
from qwen_recipes.recipe.composition.merge_options import COMBINE_FIELDS, MODEL_METHODS
from research.measurements.measure_merge_memory import Case, list_shapes, write_sparse

MODEL = "Qwen/Qwen3-1.7B"
FACTS = replace(get_model_facts(MODEL), layers=1)
RESULTS = Path(__file__).with_name("results") / "mergekit_memory.json"


def write_models(folder: Path) -> None:
    """The models `base`, `a` and `b`, whose weights are all 0."""
    shapes = list_shapes(FACTS, Case())[0]
    shapes.pop("lm_head.weight")
    shapes["model.norm.weight"] = (FACTS.hidden_size,)
    for part, size in (("input_layernorm", FACTS.hidden_size), ("post_attention_layernorm", FACTS.hidden_size),
                       ("self_attn.q_norm", FACTS.head_dim), ("self_attn.k_norm", FACTS.head_dim)):  # fmt: skip
        shapes[f"model.layers.0.{part}.weight"] = (size,)
    config = {
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": FACTS.hidden_size,
        "intermediate_size": FACTS.intermediate_size, "num_hidden_layers": 1, "num_attention_heads": FACTS.heads,
        "num_key_value_heads": FACTS.kv_heads, "head_dim": FACTS.head_dim, "vocab_size": FACTS.vocab_size,
        "tie_word_embeddings": True, "dtype": "bfloat16",
    }  # fmt: skip
    for name in ("base", "a", "b"):
        (folder / name).mkdir()
        write_sparse(folder / name / "model.safetensors", shapes, "BF16", 2)
        (folder / name / "config.json").write_text(json.dumps(config))


def measure(method: str, program: Path, folder: Path) -> dict[str, object]:
    """Merge once; the peak and the estimate, in bytes."""
    base = str(folder / "base") if method in COMBINE_FIELDS["base"] else None
    job = ModelMerge(((folder / "a", 0.7), (folder / "b", 0.3)), method, folder / method, base)
    (folder / "merge.yaml").write_text(json.dumps(build_mergekit_config(job)))
    command = [str(program), str(folder / "merge.yaml"), str(job.output), "--no-copy-tokenizer"]
    command.append(f"--out-shard-size={MERGEKIT_SHARD_PARAMETERS}")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, errors[-2000:]
    shutil.rmtree(job.output)
    estimate = estimate_model_merge_memory(FACTS, method, 2 + (base is not None))
    return {"method": method, "peak_bytes": usage.ru_maxrss * 1024, "estimated_bytes": round(estimate)}


def main(environment: str, names: list[str]) -> None:
    """Measure the methods, or those that are named, and write the results."""
    results = {row["method"]: row for row in json.loads(RESULTS.read_text())["rows"]} if RESULTS.exists() else {}
    with tempfile.TemporaryDirectory() as name:
        write_models(Path(name))
        for method in names or MODEL_METHODS:
            results[method] = measure(method, Path(environment) / "bin" / "mergekit-yaml", Path(name))
            print(results[method], flush=True)
            rows = [results[one] for one in MODEL_METHODS if one in results]
            RESULTS.write_text(json.dumps({"model": MODEL, "layers": 1, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
