"""A Base model never learns to stop.

The chat template ends every turn with `<|im_end|>`. The tokenizer of a Base model says that a text ends with
`<|endoftext|>`, and pads with the same token. Whoever finds the end of a turn by the tokenizer's own end of sequence
finds none: the one token that stops the model carries no loss, and generation waits for another.
"""

from __future__ import annotations

from pathlib import Path

from scripts.gotchas.telling import Telling

LOOK = """
import json
from transformers import AutoTokenizer
from qwen_recipes.qwen.tokenizer import tokenizer_folder  # the released files, rebuilt from this package's data

messages = json.loads(open("chat.jsonl").read())["messages"]
for variant in ("base", "hybrid"):
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder(variant))
    ids = tokenizer(tokenizer.apply_chat_template(messages, tokenize=False))["input_ids"]
    ends = ids.count(tokenizer.eos_token_id)
    print(f"{variant:7} eos {tokenizer.eos_token:13} pad {tokenizer.pad_token:13} eos in the chat: {ends}")
"""
NATIVE = """base_model: Qwen/Qwen3-1.7B-Base
datasets:
  - {path: chat.jsonl, ds_type: json, type: chat_template}
sequence_len: 2048
micro_batch_size: 1
gradient_accumulation_steps: 8
learning_rate: 1e-4
num_epochs: 1
bf16: true
adapter: lora
lora_r: 16
lora_alpha: 32
lora_target_linear: true
output_dir: runs/base
"""
RECIPE = """version: 1
model: Qwen/Qwen3-1.7B-Base
data: {train: chat.jsonl}
hardware: {gpu: rtx-3090}
"""
TAKEN_AWAY = RECIPE + "backends: {axolotl: {extra: {eot_tokens: []}}}\n"


def show(tell: Telling) -> None:
    """Count the end of sequence in a chat; Axolotl's own labels; lint its config, compile ours."""
    answer = {"role": "assistant", "content": "4"}
    tell.rows("chat.jsonl", {"messages": [{"role": "user", "content": "2+2?"}, answer]})
    tell.python(LOOK)
    tell.say("""Axolotl, given such a row and a Base model: whether the `<|im_end|>` of the answer carries loss
        (`recipes env create axolotl --device cpu` first, to see it again).""")
    tell.seen("base_in_axolotl")
    tell.say("A config of Axolotl's own, with that mistake:")
    tell.file("axolotl.yaml", NATIVE)
    tell.recipes("lint axolotl.yaml --select QR301", code=1)
    tell.say("A recipe needs no line about it. The end of a turn is trained:")
    tell.file("recipe.yaml", RECIPE)
    tell.recipes("data preview recipe.yaml")
    tell.say("and the framework, and so the tokenizer that is saved with the model, is told which token it is:")
    tell.recipes("compile recipe.yaml --backend axolotl -o compiled -q")
    config = Path("compiled/axolotl/train.yaml").read_text("utf-8").splitlines()
    told = [line for line in config if "<|im_end|>" in line or line.startswith("special_tokens")]
    tell.say("In `compiled/axolotl/train.yaml`:")
    tell.parts.append("```yaml\n" + "\n".join(told) + "\n```")
    tell.say("Taking it away again is refused:")
    tell.file("taken-away.yaml", TAKEN_AWAY)
    tell.recipes("lint taken-away.yaml --backend axolotl --select QR301", code=1)
