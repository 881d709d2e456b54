"""Merges tiny models by the program in `qwen_recipes/export`, and compares them with PEFT: run in an environment.

`python merge_program.py EXPORT_FOLDER WORK_FOLDER` prints a JSON map from case to what was found.
"""

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path

import torch

sys.path.insert(0, sys.argv[1])

import peft
from merging.__main__ import main
from merging.adapters import read_adapter
from merging.combine import measure_losses, stack_factors
from merging.compare_loss import compare_losses
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, Qwen3Config, Qwen3ForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM

FOLDER = Path(sys.argv[2])
IDS = torch.arange(1, 60).reshape(1, -1)
SHAPE = {
    "vocab_size": 128, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 128,
}  # fmt: skip
TARGETS = ["q_proj", "down_proj"]
ADAPTERS = {
    "lora": {"r": 8, "lora_alpha": 16, "target_modules": TARGETS},
    "other": {"r": 8, "lora_alpha": 16, "target_modules": TARGETS},
    "smaller": {"r": 4, "lora_alpha": 16, "target_modules": [*TARGETS, "v_proj"]},
    "dora": {"r": 8, "target_modules": TARGETS, "use_dora": True},
    "rslora-patterns": {
        "r": 8, "target_modules": TARGETS, "use_rslora": True, "rank_pattern": {"q_proj": 4},
        "alpha_pattern": {"q_proj": 7},
    },
    "pissa": {"r": 8, "target_modules": TARGETS, "init_lora_weights": "pissa"},
    "embeddings": {"r": 8, "target_modules": TARGETS, "modules_to_save": ["embed_tokens"]},
    "head": {"r": 8, "target_modules": TARGETS, "modules_to_save": ["lm_head"]},
    "embeddings-and-head": {"r": 8, "target_modules": TARGETS, "modules_to_save": ["embed_tokens", "lm_head"]},
    "lora-on-head": {"r": 8, "target_modules": [*TARGETS, "lm_head"]},
}  # fmt: skip
ALONE = [name for name in ADAPTERS if name not in ("other", "smaller")]


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def compute_logits(model):
    with torch.no_grad():
        return model(IDS).logits


def train(base, name, settings):
    """An adapter with weights as if it had been trained."""
    model = get_peft_model(load(base), LoraConfig(task_type="CAUSAL_LM", **settings))
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data += torch.randn_like(weight) * 0.05
    model.save_pretrained(FOLDER / name)


def merge(output, adapters, base="base", **job):
    """Run the program; its report."""
    place = FOLDER / output
    place.mkdir()
    content = {"base": str(FOLDER / base), "output": str(place), "into": "base", "combine": "cat", **job}
    content["adapters"] = [{"folder": str(FOLDER / name), "weight": weight} for name, weight in adapters]
    (FOLDER / "job.json").write_text(json.dumps(content))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        main(str(FOLDER / "job.json"))
    return json.loads(printed.getvalue().splitlines()[-1])


def compare(name, output, base="base"):
    """The largest difference to base and adapter in PEFT."""
    trained = compute_logits(PeftModel.from_pretrained(load(FOLDER / base), FOLDER / name).eval())
    return (compute_logits(load(FOLDER / output)) - trained).abs().max().item()


def merge_alone(name):
    report = merge(f"merged-{name}", [(name, 1.0)], shard_bytes=60_000)
    return {"report": report, "difference": compare(name, f"merged-{name}")}


def merge_weighted():
    """`cat` into the base, and as an adapter, against the sum of the updates; what each way loses."""
    pairs = [("lora", 0.7), ("smaller", -0.3)]
    weights = load_file(FOLDER / "base" / "model.safetensors")
    for name, weight in pairs:
        for module, one in read_adapter(FOLDER / name, weight).factors.items():
            weights[f"{module}.weight"] = weights[f"{module}.weight"] + weight * one.compute_update()
    (FOLDER / "summed").mkdir()
    save_file(weights, FOLDER / "summed" / "model.safetensors", {"format": "pt"})
    (FOLDER / "summed" / "config.json").write_text((FOLDER / "base" / "config.json").read_text())
    exact = compute_logits(load(FOLDER / "summed"))
    report = merge("cat-model", pairs)
    merge("cat-adapter", pairs, into="adapter")
    adapter = PeftModel.from_pretrained(load(FOLDER / "base"), FOLDER / "cat-adapter").eval()
    found = {
        "model": (compute_logits(load(FOLDER / "cat-model")) - exact).abs().max().item(),
        "adapter": (compute_logits(adapter) - exact).abs().max().item(),
        "unequal": report["losses"],
    }
    equal = [read_adapter(FOLDER / name, weight) for name, weight in (("lora", 0.7), ("other", 0.3))]
    found["equal"] = measure_losses(equal, {"seed": 0})
    found["peft"] = measure_in_peft(equal)
    found["peft_version"] = peft.__version__
    return found


def measure_in_peft(adapters):
    """The same losses of PEFT's own `add_weighted_adapter`, where nothing is random."""
    model = PeftModel.from_pretrained(load(FOLDER / "base"), FOLDER / "lora", adapter_name="lora")
    model.load_adapter(FOLDER / "other", adapter_name="other")
    found = {}
    for method in ("cat", "svd", "linear", "ties"):
        model.add_weighted_adapter(["lora", "other"], [0.7, 0.3], method, combination_type=method, density=0.5)
        lost = total = 0.0
        for name, module in model.named_modules():
            if hasattr(module, "get_delta_weight") and method in getattr(module, "lora_A", {}):
                plain = name.removeprefix("base_model.model.")
                a, b = stack_factors([(one.factors[plain], one.weight) for one in adapters])
                lost += (module.get_delta_weight(method) - b @ a).norm().item() ** 2
                total += (b @ a).norm().item() ** 2
        found[method] = (lost / total) ** 0.5
    return found


def merge_shards():
    """An adapter that FSDP left in shards."""
    import torch.distributed.checkpoint as dcp

    folder = FOLDER / "sharded"
    folder.mkdir()
    (folder / "adapter_config.json").write_text((FOLDER / "lora" / "adapter_config.json").read_text())
    state = {"model": load_file(FOLDER / "lora" / "adapter_model.safetensors")}
    dcp.save(state, checkpoint_id=folder / "pytorch_model_fsdp_0", no_dist=True)
    report = merge("merged-sharded", [("sharded", 1.0)])
    if "error" in report:
        return report
    return {"difference": compare("lora", "merged-sharded")}


def merge_dequantized():
    """QLoRA: merged into the weights as the quantized base has them, and into the unquantized ones."""
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
    )  # fmt: skip
    base = AutoModelForCausalLM.from_pretrained(FOLDER / "base", dtype=torch.float32, quantization_config=config)
    trained = compute_logits(PeftModel.from_pretrained(base, FOLDER / "lora").eval())
    quantization = {"bits": 4, "type": "nf4", "double": True, "experts": False}
    report = merge("dequantized", [("lora", 1.0)], into="dequantized", quantization=quantization)
    if "error" in report:
        return report
    return {
        into: (compute_logits(load(FOLDER / folder)) - trained).abs().max().item()
        for into, folder in (("dequantized", "dequantized"), ("base", "merged-lora"))
    }


def compare_quantized_losses():
    """The losses that are printed after QLoRA, for both merges, beside that of the quantized model computed here."""
    quantization = {"bits": 4, "type": "nf4", "double": True, "experts": False}
    ids = IDS[0].tolist()
    example = {"ids": ids, "labels": [-100] * 10 + ids[10:]}
    job = {"base": str(FOLDER / "base"), "adapter": str(FOLDER / "lora"), "quantization": quantization}
    found = {
        name: compare_losses({**job, "merged": str(FOLDER / folder), "examples": [example, example]})
        for name, folder in (("base", "merged-lora"), ("dequantized", "dequantized"))
    }
    merged = load(FOLDER / "merged-lora")(IDS).logits[0, 9:-1]
    expected = torch.nn.functional.cross_entropy(merged, IDS[0, 10:])
    return {**found, "expected": expected.item()}


def merge_experts():
    """An adapter on the attention of a mixture of experts."""
    torch.manual_seed(1)
    shape = {**SHAPE, "moe_intermediate_size": 32, "num_experts": 4, "num_experts_per_tok": 2}
    Qwen3MoeForCausalLM(Qwen3MoeConfig(**shape, tie_word_embeddings=False)).save_pretrained(FOLDER / "moe")
    train(FOLDER / "moe", "moe-lora", {"r": 4, "target_modules": ["q_proj", "o_proj"]})
    report = merge("moe-merged", [("moe-lora", 1.0)], base="moe")
    return {"report": report, "difference": compare("moe-lora", "moe-merged", "moe")}


def measure_memory():
    """The most memory of a merge into 600 MB in one file, and into next to nothing, each in a process of its own."""
    shapes = {"large": (24, 2560, 5120), "small": (1, 64, 64)}
    found = {}
    for name, (layers, rows, columns) in shapes.items():
        base, adapter = FOLDER / f"{name}-base", FOLDER / f"{name}-adapter"
        base.mkdir()
        adapter.mkdir()
        modules = [f"model.layers.{number}.mlp.down_proj" for number in range(layers)]
        save_file({f"{m}.weight": torch.zeros(rows, columns, dtype=torch.bfloat16) for m in modules}, base / WEIGHTS)
        factors = {f"base_model.model.{m}.lora_A.weight": torch.ones(4, columns) for m in modules}
        factors |= {f"base_model.model.{m}.lora_B.weight": torch.ones(rows, 4) for m in modules}
        save_file(factors, adapter / "adapter_model.safetensors")
        (base / "config.json").write_text("{}")
        (adapter / "adapter_config.json").write_text(json.dumps({"r": 4, "lora_alpha": 4}))
        job = {"base": str(base), "into": "base", "combine": "cat", "shard_bytes": 60_000_000}
        job |= {"adapters": [{"folder": str(adapter), "weight": 1.0}], "output": str(FOLDER / f"{name}-merged")}
        (FOLDER / f"{name}-merged").mkdir()
        (FOLDER / "job.json").write_text(json.dumps(job))
        command = [sys.executable, "-m", "merging", str(FOLDER / "job.json")]
        done = subprocess.run(command, cwd=sys.argv[1], capture_output=True, text=True, check=True)
        found[name] = json.loads(done.stdout.splitlines()[-1])
    return found


WEIGHTS = "model.safetensors"


def list_refusals():
    """What cannot be merged, with what is said."""
    foreign = {**SHAPE, "num_hidden_layers": 1}
    Qwen3ForCausalLM(Qwen3Config(**foreign, tie_word_embeddings=True)).save_pretrained(FOLDER / "foreign")
    (FOLDER / "no-weights").mkdir()
    (FOLDER / "empty").mkdir()
    name = "base_model.model.model.layers.0.mlp.down_proj.lora_A.weight"
    save_file({name: torch.empty(0)}, FOLDER / "empty" / "adapter_model.safetensors")
    (FOLDER / "empty" / "adapter_config.json").write_text("{}")
    (FOLDER / "no-weights" / "adapter_config.json").write_text("{}")
    return {
        "dora": merge("refused-dora", [("lora", 0.5), ("dora", 0.5)]).get("error"),
        "whole": merge("refused-whole", [("lora", 0.5), ("head", 0.5)]).get("error"),
        "ranks": merge("refused-ranks", [("lora", 0.5), ("smaller", 0.5)], combine="ties").get("error"),
        "foreign": merge("refused-foreign", [("lora", 1.0)], base="foreign").get("error"),
        "empty": merge("refused-empty", [("empty", 1.0)]).get("error"),
        "no-weights": merge("refused-no-weights", [("no-weights", 1.0)]).get("error"),
    }


def run_all():
    torch.manual_seed(0)
    Qwen3ForCausalLM(Qwen3Config(**SHAPE, tie_word_embeddings=True)).save_pretrained(FOLDER / "base")
    for name, settings in ADAPTERS.items():
        train(FOLDER / "base", name, settings)
    found = {name: merge_alone(name) for name in ALONE}
    found |= {"weighted": merge_weighted(), "sharded": merge_shards(), "dequantized": merge_dequantized()}
    found["losses"] = compare_quantized_losses()
    return {**found, "experts": merge_experts(), "memory": measure_memory(), "refused": list_refusals()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(run_all()))
