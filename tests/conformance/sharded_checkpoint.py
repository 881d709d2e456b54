"""Trains an adapter's factors for two steps in several processes, saves them in shards, and reads them as a merge does.

`python -m torch.distributed.run --nproc-per-node 2 sharded_checkpoint.py EXPORT_FOLDER FOLDER fsdp|zero2|zero3` prints
as JSON how far the factors read from FOLDER are from those gathered while training, and from those at its start.
"""

import json
import sys
from pathlib import Path

import torch
from torch import nn

FOLDER, KIND = Path(sys.argv[2]), sys.argv[3]
READ_NAME = "model.layers.0.self_attn.q_proj"
MODULE = f"model.{READ_NAME}"


class Linear(nn.Module):
    """A frozen linear layer with the factors of an adapter, under PEFT's names."""

    def __init__(self):
        super().__init__()
        self.base_layer = nn.Linear(64, 96, bias=False).requires_grad_(False)
        self.lora_A = nn.ModuleDict({"default": nn.Linear(64, 8, bias=False)})
        self.lora_B = nn.ModuleDict({"default": nn.Linear(8, 96, bias=False)})

    def forward(self, x):
        return self.base_layer(x) + self.lora_B["default"](self.lora_A["default"](x))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        module = Linear()
        for name in reversed(MODULE.split(".")):
            module = nn.ModuleDict({name: module})
        self.base_model = module

    def forward(self, x):
        module = self.base_model
        for name in MODULE.split("."):
            module = module[name]
        return module(x).pow(2).mean()


def train_with_fsdp(model):
    import torch.distributed.checkpoint as dcp
    from torch.distributed.checkpoint.state_dict import get_model_state_dict
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    torch.distributed.init_process_group("gloo")
    fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=1e-2)
    for _ in range(2):
        model(torch.randn(4, 64)).backward()
        optimizer.step()
        optimizer.zero_grad()
    state = get_model_state_dict(model)
    adapter = {name.replace(".default", ""): one for name, one in state.items() if "lora_" in name}
    dcp.save({"model": adapter}, checkpoint_id=FOLDER / "checkpoint-2" / "pytorch_model_fsdp_0")
    return {name: one.full_tensor() for name, one in state.items()}


def train_with_deepspeed(model, stage):
    import deepspeed

    deepspeed.init_distributed(dist_backend="gloo")
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=1e-2)
    config = {
        "train_micro_batch_size_per_gpu": 1, "zero_optimization": {"stage": stage},
        "zero_allow_untested_optimizer": True, "zero_force_ds_cpu_optimizer": False,
    }  # fmt: skip
    engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer, config=config)
    for _ in range(2):
        engine.backward(engine(torch.randn(4, 64)))
        engine.step()
    engine.save_checkpoint(str(FOLDER / "checkpoint-2"), exclude_frozen_parameters=True)
    with deepspeed.zero.GatheredParameters(list(model.parameters()), enabled=stage == 3):
        return {name: one.detach().clone() for name, one in model.named_parameters()}


def measure_difference(read, name, weights):
    """The largest difference of a module's factors."""
    factors = read.factors[name]
    pairs = ((factors.a, "lora_A.default.weight"), (factors.b, "lora_B.default.weight"))
    return max((one - weights[f"base_model.model.{name}.{key}"]).abs().max().item() for one, key in pairs)


def main():
    torch.manual_seed(0)
    model = Model()
    start = {name: one.detach().clone() for name, one in model.named_parameters()}
    whole = train_with_fsdp(model) if KIND == "fsdp" else train_with_deepspeed(model, int(KIND[-1]))
    torch.distributed.barrier()
    if torch.distributed.get_rank() == 0:
        sys.path.insert(0, sys.argv[1])
        from merging.adapters import read_adapter

        config = {"r": 8, "lora_alpha": 16}
        (FOLDER / "checkpoint-2" / "adapter_config.json").write_text(json.dumps(config))
        read = read_adapter(FOLDER / "checkpoint-2", 1.0)
        found = {"modules": list(read.factors), "scale": read.factors[READ_NAME].scale}
        found["whole"] = measure_difference(read, READ_NAME, whole)
        found["start"] = measure_difference(read, READ_NAME, start)
        print(json.dumps(found), flush=True)
    torch.distributed.barrier()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
