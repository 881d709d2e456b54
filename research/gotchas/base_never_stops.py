"""A Base model never learns to stop.

The chat template ends every turn with `<|im_end|>`. The tokenizer of a Base model says that a text ends with
`<|endoftext|>`, and pads with the same token. Whoever finds the end of a turn by the tokenizer's own end of sequence
finds none: the one token that stops the model carries no loss, and generation waits for another.
"""

from __future__ import annotations

from pathlib import Path

from research.gotchas.demonstration import Demonstration

COUNT_EOS_SCRIPT = """
import json
from transformers import AutoTokenizer
from qwen_recipes.qwen.tokenizer import get_tokenizer_folder  # the released files, rebuilt from this package's data

messages = json.loads(open("chat.jsonl").read())["messages"]
for variant in ("base", "hybrid"):
    tokenizer = AutoTokenizer.from_pretrained(get_tokenizer_folder(variant))
    ids = tokenizer(tokenizer.apply_chat_template(messages, tokenize=False))["input_ids"]
    ends = ids.count(tokenizer.eos_token_id)
    print(f"{variant:7} eos {tokenizer.eos_token:13} pad {tokenizer.pad_token:13} eos in the chat: {ends}")
"""
AXOLOTL_CONFIG = """base_model: Qwen/Qwen3-1.7B-Base
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
RECIPE_WITHOUT_END_OF_TURN = RECIPE + "backends: {axolotl: {extra: {eot_tokens: []}}}\n"


def run_demonstration(demo: Demonstration) -> None:
    """Count the end of sequence in a chat; Axolotl's own labels; lint its config, compile ours."""
    answer = {"role": "assistant", "content": "4"}
    demo.write_rows("chat.jsonl", {"messages": [{"role": "user", "content": "2+2?"}, answer]})
    demo.run_python(COUNT_EOS_SCRIPT)
    demo.add_paragraph("""Axolotl, given such a row and a Base model: whether the `<|im_end|>` of the answer carries
        loss (`recipes env create axolotl --device cpu` first, to see it again).""")
    demo.add_evidence("axolotl_base_end_of_turn")
    demo.add_paragraph("A config of Axolotl's own, with that mistake:")
    demo.write_file("axolotl.yaml", AXOLOTL_CONFIG)
    demo.run_recipes("lint axolotl.yaml --select QR301", exit_code=1)
    demo.add_paragraph("A recipe needs no line about it. The end of a turn is trained:")
    demo.write_file("recipe.yaml", RECIPE)
    demo.run_recipes("data preview recipe.yaml")
    demo.add_paragraph(
        "and the framework, and so the tokenizer that is saved with the model, is told which token it is:"
    )
    demo.run_recipes("compile recipe.yaml --backend axolotl -o compiled -q")
    config = Path("compiled/axolotl/train.yaml").read_text("utf-8").splitlines()
    told = [line for line in config if "<|im_end|>" in line or line.startswith("special_tokens")]
    demo.add_paragraph("In `compiled/axolotl/train.yaml`:")
    demo.parts.append("```yaml\n" + "\n".join(told) + "\n```")
    demo.add_paragraph("Taking it away again is refused:")
    demo.write_file("taken-away.yaml", RECIPE_WITHOUT_END_OF_TURN)
    demo.run_recipes("lint taken-away.yaml --backend axolotl --select QR301", exit_code=1)
