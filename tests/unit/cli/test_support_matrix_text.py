"""`recipes backends --matrix` as text: readable in 80 columns."""

from __future__ import annotations

from qwen_recipes.cli.backends import format_support_matrix
from qwen_recipes.compile.support_matrix import SupportCell, describe_cell

LONG = "no Jinja templates in training; for SFT, use `chat.encoding: exact`, which passes token ids and labels"
CELLS = [
    SupportCell("chat.turns", "axolotl", "emulated", how="in the prepared data"),
    SupportCell("chat.template", "axolotl", "native", ("chat_template_jinja",), limits=(LONG,)),
    SupportCell("chat.turns", "trl", "emulated", how="in the prepared data"),
    SupportCell("chat.turns", "torchtune", "unsupported", why="torchtune reads all rows first"),
]


def test_frameworks_that_receive_the_same_share_an_entry():
    assert list(format_support_matrix(CELLS, describe_cell, names=True)) == [
        "chat.template",
        "  axolotl: native: `chat_template_jinja`; except: no Jinja templates in",
        "    training; for SFT, use `chat.encoding: exact`, which passes token ids and",
        "    labels",
        "chat.turns",
        "  axolotl, trl: emulated: in the prepared data",
        "  torchtune: unsupported: torchtune reads all rows first",
    ]


def test_one_framework_is_not_named():
    assert list(format_support_matrix(CELLS[:1], describe_cell, names=False)) == [
        "chat.turns",
        "  emulated: in the prepared data",
    ]
