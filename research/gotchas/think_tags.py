"""Instruct-2507 loses the reasoning, or keeps its tags.

The template of Instruct-2507 knows no reasoning. What stands in `reasoning_content` is dropped without a word; the same
thought between think tags in the content is plain text, and stays, in every turn. One data set, written in two ways,
trains two models, and neither is the one that reasons.
"""

from __future__ import annotations

from research.gotchas.demonstration import Demonstration

QUESTION = {"role": "user", "content": "2+2?"}
SEPARATE_REASONING = {
    "messages": [QUESTION, {"role": "assistant", "reasoning_content": "Two and two.", "content": "4"}]
}
INLINE_REASONING = {"messages": [QUESTION, {"role": "assistant", "content": "<think>\nTwo and two.\n</think>\n\n4"}]}
RENDER_SCRIPT = """
import json
from transformers import AutoTokenizer
from qwen_recipes.qwen.tokenizer import get_tokenizer_folder  # the released files, rebuilt from this package's data

tokenizer = AutoTokenizer.from_pretrained(get_tokenizer_folder("instruct-2507"))
for line in open("chats.jsonl"):
    print(tokenizer.apply_chat_template(json.loads(line)["messages"], tokenize=False))
"""
RECIPE = """version: 1
model: Qwen/Qwen3-4B-Instruct-2507
data: {train: chats.jsonl}
chat: {template: hybrid}
"""


def run_demonstration(demo: Demonstration) -> None:
    """Render both ways; check, prepare, and check again; the template of another variant."""
    demo.write_rows("chats.jsonl", SEPARATE_REASONING, INLINE_REASONING)
    demo.run_python(RENDER_SCRIPT)
    demo.run_recipes("data check chats.jsonl --model Qwen/Qwen3-4B-Instruct-2507", exit_code=1)
    demo.add_paragraph("Either the reasoning is taken out, or the rows go to a model that reasons:")
    demo.run_recipes("data prepare chats.jsonl -o plain.jsonl --think auto --model Qwen/Qwen3-4B-Instruct-2507")
    demo.run_recipes("data preview plain.jsonl --model Qwen/Qwen3-4B-Instruct-2507 --rows 1")
    demo.run_recipes("data preview chats.jsonl --model Qwen/Qwen3-4B-Thinking-2507 --rows 1")
    demo.add_paragraph("Another variant's template, to force reasoning into this model, is refused:")
    demo.write_file("recipe.yaml", RECIPE)
    demo.run_recipes("lint recipe.yaml --backend llamafactory --select QR303", exit_code=1)
