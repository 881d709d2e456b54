"""Write a LoRA adapter of rank 8 on all linear layers with B ≠ 0, of values that bfloat16 can hold.

`make_adapter.py MODEL OUT`
"""

import sys

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
adapted = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=TARGETS, task_type="CAUSAL_LM"))
torch.manual_seed(1)
for name, weight in adapted.named_parameters():
    if "lora_B" in name:
        torch.nn.init.normal_(weight, std=0.02)
    if "lora_" in name:
        weight.data = weight.data.bfloat16().float()
adapted.save_pretrained(sys.argv[2])
