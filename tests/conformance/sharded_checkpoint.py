"""Saves an adapter in shards by the code of FSDP (through Accelerate) and DeepSpeed, in two processes on the CPU.

`python sharded_checkpoint.py FOLDER` writes the model to FOLDER/base, checkpoints to FOLDER/fsdp, FOLDER/zero2 and
FOLDER/zero3, and the model with the adapter merged by PEFT to FOLDER/expected. The weights are random; nothing is
trained. The processes are forked, so that everything is imported once.
"""

import multiprocessing
import os
import sys
from copy import deepcopy
from pathlib import Path

import deepspeed
import torch
from accelerate import FullyShardedDataParallelPlugin
from accelerate.state import PartialState
from accelerate.utils.fsdp_utils import save_fsdp_model
from peft import LoraConfig, get_peft_model
from transformers import Qwen3Config, Qwen3ForCausalLM

FOLDER = Path(sys.argv[1])
KINDS = ("fsdp", "zero2", "zero3")
SHAPE = {
    "vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 1, "head_dim": 16, "max_position_embeddings": 64, "tie_word_embeddings": False,
}  # fmt: skip
ADAPTER = {"r": 4, "lora_alpha": 6, "target_modules": ["q_proj", "down_proj"], "modules_to_save": ["lm_head"]}


def make_model():
    """A model with an adapter, written to FOLDER/base without it and to FOLDER/expected with it merged."""
    torch.manual_seed(0)
    model = Qwen3ForCausalLM(Qwen3Config(**SHAPE))
    model.save_pretrained(FOLDER / "base")
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **ADAPTER))
    for weight in adapted.parameters():
        if weight.requires_grad:
            weight.data += torch.randn_like(weight) * 0.1
    deepcopy(adapted).merge_and_unload().save_pretrained(FOLDER / "expected")
    return adapted


def save_with_fsdp(model, checkpoint):
    """As the Trainer does it for an adapter, by FSDP2."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
    plugin = FullyShardedDataParallelPlugin(fsdp_version=2, state_dict_type="SHARDED_STATE_DICT")
    save_fsdp_model(plugin, PartialState(cpu=True), model, str(checkpoint), adapter_only=True)


def save_with_deepspeed(model, checkpoint, stage):
    """As the Trainer does it for an adapter."""
    optimizer = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=1e-2)
    config = {
        "train_micro_batch_size_per_gpu": 1, "zero_optimization": {"stage": stage},
        "zero_allow_untested_optimizer": True, "zero_force_ds_cpu_optimizer": False,
    }  # fmt: skip
    engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer, config=config)
    engine.save_checkpoint(str(checkpoint), exclude_frozen_parameters=True)


def save_in_process(kind, model, rank):
    """One process's part."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    meeting = f"file://{FOLDER}/{kind}.meeting"
    torch.distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
    checkpoint = FOLDER / kind / "checkpoint-1"
    if kind == "fsdp":
        save_with_fsdp(model, checkpoint)
    else:
        save_with_deepspeed(model, checkpoint, int(kind[-1]))
    if rank == 0:
        model.peft_config["default"].save_pretrained(checkpoint)
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def main():
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False  # it would be compiled, for minutes
    model = make_model()
    fork = multiprocessing.get_context("fork")
    for kind in KINDS:
        processes = [fork.Process(target=save_in_process, args=(kind, model, rank)) for rank in (0, 1)]
        for one in processes:
            one.start()
        for one in processes:
            one.join()
        if any(one.exitcode for one in processes):
            raise SystemExit(f"{kind}: exit codes {[one.exitcode for one in processes]}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
