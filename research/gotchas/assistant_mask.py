"""The mask of what the assistant said is all zeros.

`return_assistant_tokens_mask=True` of transformers, and `assistant_only_loss: true` of trainers that use it, read the
mask from a marker in the template, `{% generation %}`. No official Qwen3 template has one. There is a line in the log
and no error; trained on that mask, a model learns nothing.
"""

from __future__ import annotations

from research.gotchas.demonstration import Demonstration

COUNT_MASK_SCRIPT = """
import json
from transformers import AutoTokenizer
from qwen_recipes.qwen.tokenizer import get_tokenizer_folder  # the released files, rebuilt from this package's data

messages = json.loads(open("chat.jsonl").read())["messages"]
for variant in ("hybrid", "base", "instruct-2507", "thinking-2507"):
    tokenizer = AutoTokenizer.from_pretrained(get_tokenizer_folder(variant))
    made = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
    tokens, by_mask = len(made["input_ids"]), sum(made["assistant_masks"])
    print(f"{variant:13} {tokens} tokens, of the assistant's by the mask: {by_mask}")
"""


def run_demonstration(demo: Demonstration) -> None:
    """Sum the mask of each variant; preview what is trained here; the page of the guard."""
    answer = {"role": "assistant", "reasoning_content": "Two and two.", "content": "4"}
    demo.write_rows("chat.jsonl", {"messages": [{"role": "user", "content": "2+2?"}, answer]})
    demo.run_python(COUNT_MASK_SCRIPT)
    demo.add_paragraph("""Here the mask comes from the text: from behind `assistant` and its line end up to the
        `<|im_end|>`. The frameworks are given rows cut at those places, or ids and labels (`chat.encoding: exact`), and
        `recipes verify` compares what they make of them, token by token.""")
    for model in ("Qwen3-4B", "Qwen3-4B-Base"):
        demo.run_recipes(f"data preview chat.jsonl --model Qwen/{model}")
    demo.add_paragraph("Rows without any trained token are counted and named before a GPU is touched:")
    question = {"role": "user", "content": "how many tokens has this question? " * 8}
    demo.write_rows("long.jsonl", {"messages": [question, {"role": "assistant", "content": "Many."}]})
    demo.run_recipes("data check long.jsonl --sequence-length 64", exit_code=1)
