"""The last turn is not like the others.

The hybrid and Thinking-2507 templates take the reasoning out of every answer but the last, and put an empty think
block before a last answer that has none. The same answer is other tokens in another place: trained on every turn, a
model learns to answer without a thought where at inference it would have begun to think.
"""

from __future__ import annotations

from research.gotchas.demonstration import Demonstration

CHAT = {
    "messages": [
        {"role": "user", "content": "2+2?"},
        {"role": "assistant", "reasoning_content": "Two and two.", "content": "4"},
        {"role": "user", "content": "And 3+3?"},
        {"role": "assistant", "reasoning_content": "Three and three.", "content": "6"},
    ]
}
RENDER_SCRIPT = """
import json
from transformers import AutoTokenizer
from qwen_recipes.qwen.tokenizer import get_tokenizer_folder  # the released files, rebuilt from this package's data

tokenizer = AutoTokenizer.from_pretrained(get_tokenizer_folder("hybrid"))
messages = json.loads(open("chat.jsonl").read())["messages"]
whole = tokenizer.apply_chat_template(messages, tokenize=False)
print(whole)
first = tokenizer.apply_chat_template(messages[:2], tokenize=False)
print("the whole begins with the first exchange:", whole.startswith(first))
"""
RECIPE = """version: 1
model: Qwen/Qwen3-4B
data: {train: chat.jsonl}
chat: {turns: together}
"""


def run_demonstration(demo: Demonstration) -> None:
    """Render two turns whole and apart; preview and lint them together, then split."""
    demo.write_rows("chat.jsonl", CHAT)
    demo.run_python(RENDER_SCRIPT)
    demo.add_paragraph("""The first answer has lost its thought. What is trained stands between `[[` and `]]`: the
        first answer is learnt bare, behind a prompt at whose end the model would think.""")
    demo.write_file("recipe.yaml", RECIPE)
    demo.run_recipes("data preview recipe.yaml")
    demo.run_recipes("lint recipe.yaml --backend axolotl --select QR307")
    demo.add_paragraph(
        """One example for each user query makes every answer a last one, with its own thought, and loss on it alone.
        This is the default (`chat.turns: split`):"""
    )
    demo.run_recipes("data preview chat.jsonl --model Qwen/Qwen3-4B")
    demo.add_paragraph("""Answers without reasoning: the template writes an empty block before the last alone. It
        carries no loss unless the recipe asks for it (`chat.thinking: train-empty`), so that all answers are trained
        alike:""")
    plain = [{name: m[name] for name in ("role", "content")} for m in CHAT["messages"]]
    demo.write_rows("plain.jsonl", {"messages": plain})
    demo.run_recipes("data preview plain.jsonl --model Qwen/Qwen3-4B")
