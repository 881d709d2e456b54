"""Makes three small Qwen3 models, or compares merges of them with what they claim: run in mergekit's environment.

`python merge_models_program.py make FOLDER TOKENIZER` writes the models `base`, `a` and `b`; `compare FOLDER METHOD…`,
after each METHOD was merged to FOLDER/METHOD with weights 0.7 and 0.3, density 0.5 and seed 3, prints a line of JSON.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

SHAPE = {
    "vocab_size": 151936, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 128, "tie_word_embeddings": True,
}  # fmt: skip
WEIGHTS, DENSITY = (0.7, 0.3), 0.5


def make(folder: Path, tokenizer: Path) -> None:
    torch.manual_seed(0)
    model = Qwen3ForCausalLM(Qwen3Config(**SHAPE))
    for name in ("base", "a", "b"):
        if name != "base":
            model.load_state_dict(load_file(folder / "base" / "model.safetensors"), strict=False)
            for weight in model.parameters():
                weight.data += 0.1 * torch.randn_like(weight)
        model.save_pretrained(folder / name)
        ends = [151643] if name == "base" else [151645, 151643]
        (folder / name / "generation_config.json").write_text(json.dumps({"eos_token_id": ends}))
        for file in tokenizer.iterdir():
            shutil.copy(file, folder / name / file.name)
        (folder / name / "chat_template.jinja").write_text(f"template of {'the base' if name == 'base' else 'both'}")


def merge_linear(base, a, b):
    return WEIGHTS[0] * a + WEIGHTS[1] * b


def merge_slerp(base, a, b):
    """Along the arc between two weights, as vectors, in double precision."""
    a, b = a.double(), b.double()
    angle = torch.acos((a * b).sum() / (a.norm() * b.norm()))
    if abs(torch.cos(angle)) > 0.9995:
        return (1 - WEIGHTS[1]) * a + WEIGHTS[1] * b
    return (torch.sin((1 - WEIGHTS[1]) * angle) * a + torch.sin(WEIGHTS[1] * angle) * b) / torch.sin(angle)


def merge_task_arithmetic(base, a, b):
    return base + WEIGHTS[0] * (a - base) + WEIGHTS[1] * (b - base)


def keep_largest(values):
    """The half of the values that is largest; the others are 0."""
    kept = values.abs().flatten().argsort(descending=True)[: max(1, int(DENSITY * values.numel()))]
    mask = torch.zeros(values.numel())
    mask[kept] = 1
    return values * mask.reshape(values.shape)


def merge_ties(base, a, b):
    """Trim, elect a sign by the weighted sum, and take the weighted mean of those that agree (Yadav et al. 2023)."""
    deltas = torch.stack([weight * keep_largest(one - base) for weight, one in zip(WEIGHTS, (a, b), strict=True)])
    sign = torch.where(deltas.sum(0) >= 0, 1.0, -1.0)
    agree = (deltas.sign() == sign).float()
    shares = (torch.tensor(WEIGHTS).reshape(2, *[1] * base.dim()) * agree).sum(0)
    return base + (deltas * agree).sum(0) / torch.where(shares == 0, 1.0, shares)


EXACT = {
    "linear": merge_linear, "slerp": merge_slerp, "task_arithmetic": merge_task_arithmetic, "ties": merge_ties,
}  # fmt: skip


def compare_dare(method, base, a, b, merged):
    """Of DARE, whose choice is random: how far what was added is from all that it may be, and the share of each choice.

    Of each model half the values are kept, and doubled (scaled to the sum of all, which differs by 0.1 %).
    """
    first, second = (a - base) / DENSITY, (b - base) / DENSITY
    if method == "dare_linear":
        first, second = WEIGHTS[0] * first, WEIGHTS[1] * second
        both = first + second
    else:
        mean = WEIGHTS[0] * first + WEIGHTS[1] * second
        both = torch.where(first.sign() == second.sign(), mean, torch.where(mean.sign() == first.sign(), first, second))
    choices = torch.stack([torch.zeros_like(base), first, second, both])
    distance, choice = ((merged - base) - choices).abs().min(0)
    shares = torch.bincount(choice.flatten(), minlength=4) / choice.numel()
    return {"difference": distance.max().item(), "shares": shares.tolist()}


def compare(folder: Path, method: str) -> dict:
    base, a, b, merged = (load_file(folder / name / "model.safetensors") for name in ("base", "a", "b", method))
    model = AutoModelForCausalLM.from_pretrained(folder / method)
    found = {
        "same_names": set(merged) == set(base),
        "rows": model.get_input_embeddings().weight.shape[0],
        "vocab_size": model.config.vocab_size,
        "tied": model.config.tie_word_embeddings,
        "generation": model.generation_config.eos_token_id,
        "tokens": AutoTokenizer.from_pretrained(folder / method)("<|im_start|>user")["input_ids"],
        "template": (folder / method / "chat_template.jinja").read_text(),
        "finite": bool(torch.isfinite(model(torch.arange(10)[None]).logits).all()),
    }
    if method in EXACT:
        expected = {key: EXACT[method](base[key], a[key], b[key]) for key in base}
        found["difference"] = max((merged[key] - one).abs().max().item() for key, one in expected.items())
        found["moved"] = min((base[key] - one).abs().max().item() for key, one in expected.items())
    else:
        key = "model.embed_tokens.weight"
        found |= compare_dare(method, base[key], a[key], b[key], merged[key])
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        print(json.dumps({method: compare(Path(sys.argv[2]), method) for method in sys.argv[3:]}))
