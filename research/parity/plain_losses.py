"""Preference losses in plain torch: `plain_losses.py CASES.json OUT.json`.

Run by an interpreter with torch and transformers.

A case is {"model": folder of the start, "weights": of what was trained, "scale": alpha / rank, "objective", "beta",
"gamma", "sft_tokens", "batches"}: a batch is a list of examples, each {"prompt": ids, "answers": [ids], "label",
"mismatched": ids}. `out` gets for each batch {"loss", "chosen", "rejected", "reference_chosen", "reference_rejected"}:
mean sums of log-probabilities (means by token for ORPO and SimPO).
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

Example = dict[str, Any]
BY_TOKEN = ("orpo", "simpo")


class PlainModel:
    """A causal model, its adapter added to its weights, and log-probabilities one sequence at a time."""

    def __init__(self, folder: Path, trained: dict[str, Any], scale: float) -> None:
        transformers, self.torch = import_module("transformers"), import_module("torch")
        self.model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=self.torch.float32).eval()
        named = dict(self.model.named_parameters())
        for name, matrix in trained.items():
            if ".lora_A." in name:
                other = trained[name.replace(".lora_A.", ".lora_B.")]
                weight = named[_name_weight(name)]
                weight.data += scale * (other @ matrix)

    def sum_log_probabilities(self, prompt: list[int], answer: list[int]) -> Any:
        """Of the answer's tokens behind the prompt."""
        return self.list_log_probabilities(prompt + answer)[len(prompt) - 1 :].sum()

    def list_log_probabilities(self, ids: list[int]) -> Any:
        """Of each token but the first; shape (tokens - 1,)."""
        tokens = self.torch.tensor([ids])
        logits = self.model(input_ids=tokens).logits[0, :-1].double()
        return logits.log_softmax(-1).gather(1, tokens[0, 1:, None])[:, 0]

    def score(self, ids: list[int], head: Any, bias: Any) -> Any:
        """A reward model's value of a conversation: its head on the last token's state."""
        state = self.model.model(input_ids=self.torch.tensor([ids])).last_hidden_state[0, -1]
        return (head @ state + bias)[0].double()


def _name_weight(name: str) -> str:
    head = name.split(".lora_A.")[0].removeprefix("pretrained_model.").removeprefix("base_model.model.")
    return f"{head}.weight"


def compute_batch(case: dict[str, Any], policy: PlainModel, start: PlainModel, batch: list[Example]) -> dict[str, Any]:
    """Loss and log-probabilities of one micro-batch."""
    torch = policy.torch
    if case["objective"] == "reward":
        return _compute_reward(case, policy, batch)
    own = [[_measure(case, policy, one, answer) for answer in one["answers"]] for one in batch]
    other = [[_measure(case, start, one, answer) for answer in one["answers"]] for one in batch]
    if case["objective"] == "kto":
        return _compute_kto(case, policy, start, batch, own, other)
    chosen, rejected = torch.stack([a for a, _ in own]), torch.stack([b for _, b in own])
    ref_chosen, ref_rejected = torch.stack([a for a, _ in other]), torch.stack([b for _, b in other])
    margin = torch.nn.functional.logsigmoid
    beta = case["beta"]
    if case["objective"] == "dpo":
        loss = -margin(beta * ((chosen - ref_chosen) - (rejected - ref_rejected))).mean()
    elif case["objective"] == "simpo":
        loss = -margin(beta * (chosen - rejected) - case["gamma"]).mean()
    else:
        odds = chosen - rejected - (torch.log1p(-chosen.exp()) - torch.log1p(-rejected.exp()))
        loss = _compute_next_token_loss(case, policy, batch, chosen) - beta * margin(odds).mean()
    means = {"chosen": chosen, "rejected": rejected}
    means |= {"reference_chosen": ref_chosen, "reference_rejected": ref_rejected}
    return {"loss": float(loss), **{name: float(value.mean()) for name, value in means.items()}}


def _measure(case: dict[str, Any], model: PlainModel, one: Example, answer: list[int]) -> Any:
    total = model.sum_log_probabilities(one["prompt"], answer)
    return total / len(answer) if case["objective"] in BY_TOKEN else total


def _compute_next_token_loss(case: dict[str, Any], policy: PlainModel, batch: list[Example], chosen: Any) -> Any:
    """ORPO's other term: a mean over `all` tokens of the batch, those of the `answer`, or of the `rows`' own means."""
    if case["sft_tokens"] == "rows":
        return -chosen.mean()
    found = [policy.list_log_probabilities(one["prompt"] + one["answers"][0]) for one in batch]
    if case["sft_tokens"] == "answer":
        found = [values[len(one["prompt"]) - 1 :] for values, one in zip(found, batch, strict=True)]
    return -policy.torch.cat(found).mean()


def _compute_kto(
    case: dict[str, Any], policy: PlainModel, start: PlainModel, batch: list[Example], own: Any, other: Any
) -> dict[str, Any]:
    torch = policy.torch
    ratios = torch.stack([a[0] - b[0] for a, b in zip(own, other, strict=True)])
    differences = [
        policy.sum_log_probabilities(one["prompt"], one["mismatched"])
        - start.sum_log_probabilities(one["prompt"], one["mismatched"])
        for one in batch
    ]
    divergence = torch.stack(differences).mean().clamp(min=0)
    signs = torch.tensor([1.0 if one["label"] else -1.0 for one in batch]).double()
    losses = 1 - torch.sigmoid(case["beta"] * signs * (ratios - divergence))
    found: dict[str, Any] = {"loss": float(losses.mean())}
    for side, sign in (("chosen", 1), ("rejected", -1)):
        kept = [place for place, value in enumerate(signs) if value == sign]
        if kept:
            found[side] = float(torch.stack([own[place][0] for place in kept]).mean())
            found[f"reference_{side}"] = float(torch.stack([other[place][0] for place in kept]).mean())
    return found


def _compute_reward(case: dict[str, Any], policy: PlainModel, batch: list[Example]) -> dict[str, Any]:
    trained = case["tensors"]
    head = next(value for name, value in trained.items() if _is_head(name) and name.endswith("weight"))
    bias = next((value for name, value in trained.items() if _is_head(name) and name.endswith("bias")), 0.0)
    sides = [
        policy.torch.stack([policy.score(one["prompt"] + one["answers"][side], head, bias) for one in batch])
        for side in (0, 1)
    ]
    loss = -policy.torch.nn.functional.logsigmoid(sides[0] - sides[1]).mean()
    return {"loss": float(loss), "reward_chosen": float(sides[0].mean()), "reward_rejected": float(sides[1].mean())}


def _is_head(name: str) -> bool:
    return "v_head" in name or ("score" in name and "original_module" not in name)


def compute_case(case: dict[str, Any]) -> list[dict[str, Any]]:
    """Each batch of a case."""
    case["tensors"] = import_module("safetensors.torch").load_file(case["weights"])
    policy = PlainModel(Path(case["model"]), case["tensors"], case["scale"])
    start = PlainModel(Path(case["model"]), {}, 0.0)
    with policy.torch.no_grad():
        return [compute_batch(case, policy, start, batch) for batch in case["batches"]]


if __name__ == "__main__":
    cases = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    Path(sys.argv[2]).write_text(json.dumps([compute_case(case) for case in cases]), "utf-8")
