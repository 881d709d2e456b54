"""The loss of an adapter on its base and of the two merged, in plain PyTorch: run in a framework's environment.

`python merge_loss_program.py BASE ADAPTER MERGED ROWS lora|qlora` prints a line of JSON. The adapter is added to the
base's weights here; after QLoRA, to what 4 bits leave of them. A row's tokens are in the loss from its answer on.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy
from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

BASE, ADAPTER, MERGED, ROWS = map(Path, sys.argv[1:5])
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
PROMPT = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"


def load_in_4_bits(weights):
    """What NF4 with double quantization leaves of the linear layers."""
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    rounded = dict(weights)
    for name, weight in weights.items():
        if name.split(".")[-2] in PROJECTIONS:
            stored, state = quantize_4bit(weight, blocksize=64, compress_statistics=True, quant_type="nf4")
            rounded[name] = dequantize_4bit(stored, state).to(weight.dtype)
    return rounded


def add_adapter(weights):
    """The weights with the adapter's update."""
    config = json.loads((ADAPTER / "adapter_config.json").read_text())
    factors = load_file(ADAPTER / "adapter_model.safetensors")
    added = dict(weights)
    for name, a in factors.items():
        if name.endswith(".lora_A.weight"):
            target = name.removeprefix("base_model.model.").replace(".lora_A", "")
            update = factors[name.replace("lora_A", "lora_B")].float() @ a.float()
            added[target] = added[target] + update * config["lora_alpha"] / config["r"]
    return added


def compute_loss(weights):
    """The mean loss of a token of all answers."""
    model = Qwen3ForCausalLM(Qwen3Config.from_pretrained(BASE, dtype=torch.float32)).eval()
    missing, unknown = model.load_state_dict(weights, strict=False)
    assert set(missing) <= {"lm_head.weight"} and not unknown
    tokenizer, losses = AutoTokenizer.from_pretrained(BASE), []
    for line in ROWS.read_text("utf-8").splitlines():
        user, assistant = json.loads(line)["messages"]
        prompt = tokenizer(PROMPT.format(user["content"]))["input_ids"]
        ids = torch.tensor(prompt + tokenizer(assistant["content"] + "<|im_end|>")["input_ids"])
        with torch.no_grad():
            logits = model(ids[None]).logits[0]
        losses.append(cross_entropy(logits[len(prompt) - 1 : -1], ids[len(prompt) :], reduction="none"))
    together = torch.cat(losses)
    return together.mean().item(), together.numel()


def main():
    base = {name: one.float() for name, one in load_file(BASE / "model.safetensors").items()}
    trained, tokens = compute_loss(add_adapter(load_in_4_bits(base) if sys.argv[5] == "qlora" else base))
    merged = {name: one.float() for name, one in load_file(MERGED / "model.safetensors").items()}
    found = {"trained": trained, "merged": compute_loss(merged)[0], "base": compute_loss(base)[0], "tokens": tokens}
    expected = add_adapter(base)
    found["difference"] = max((expected[name] - one).abs().max().item() for name, one in merged.items())
    print(json.dumps(found))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
