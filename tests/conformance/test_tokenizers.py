"""Our tokenizer, templates and fast paths against transformers: 4.57, the newest 5, and those the frameworks bring.

Ours are the tokenizers library alone (`data/encoder.py`), Jinja without transformers (`qwen/chat_templates.py`), the
templates in Python (`data/chat_rendering.py`), rows cut where loss begins (`rows/encode.py`) and counting by words
(`data/token_counter.py`). Each has to agree with what transformers' own tokenizer says, id by id. A version that is
nowhere installed gets a small environment without torch in the user's cache (10 s, once).
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from qwen_recipes.data.chat_rendering import TemplateRenderer
from qwen_recipes.data.encoder import Encoder, LossRule, load_folder_tokenizer
from qwen_recipes.data.example_length import LossSelection, TokenMeasurer
from qwen_recipes.data.rows.formats import normalize_row
from qwen_recipes.data.rows.messages import normalize_messages
from qwen_recipes.data.rows.sources import read_source_rows
from qwen_recipes.data.token_counter import TokenCounter
from qwen_recipes.environments.environment import default_root
from qwen_recipes.qwen.chat_templates import TEMPLATES, RenderError, read_template, render_conversation
from qwen_recipes.qwen.tokenizer import RESAVED_TOKENIZER_JSON_SHA256, TOKENIZER_JSON_SHA256, get_tokenizer_folder
from qwen_recipes.qwen.tokenizer_files import get_control_tokens
from research.parity.conversations import CODE, UNICODE_SCRIPTS, make_conversations

from .compiled import BACKENDS
from .conftest import ROOT, run_command

OLDEST, NEWEST = "4.57.6", "5.24.0"
CHATS = 1020
ODD = [
    *("a", "B", "'s", "'RE", "'ll", "é", "e\u0301", "\u0301", " ", "  ", "\t", "\n", "\r\n", "\n\n", "\x0b", "\x1c"),
    *("\x85", "\u00a0", "\u3000", "\u2028", "\u200b", "\ufeff", "日本", "가", "\u1100\u1161", "Д", "न", "ि", "ßﬁ"),
    *(
        "İ",
        "\u017f",
        "ꟲ",
        "1",
        "²",
        "Ⅳ",
        "٣",
        "𝟘",
        "!",
        "...",
        "_",
        "<|",
        "|>",
        "<think",
        "</",
        "😀",
        "👩\u200d👩\u200d👧",
    ),
    *("🇩🇪", "𝐀", "𠀀", "\x00", "\x7f", "\ue000"),
]
PROMPTS = ({"add_generation_prompt": True}, {"add_generation_prompt": True, "enable_thinking": False})

Chat = dict[str, Any]


def texts() -> list[str]:
    """Text of every kind: the example data, all scripts, all planes, odd pairs, control tokens among all of it."""
    draw, control = random.Random(17), list(get_control_tokens())
    found = [*UNICODE_SCRIPTS, CODE, "", *ODD, *control, *example_texts()]
    found += [first + second for first in ODD for second in ODD]
    found += ["".join(draw.choices(ODD, k=draw.randint(3, 25))) for _ in range(2000)]
    found += ["".join(draw.choices(ODD + control, k=draw.randint(2, 12))) for _ in range(2000)]
    found += [
        f"{left}{token}{right}" for token in control for left in ("a", " ", "\n") for right in ("\u0301", " ", "\n\n")
    ]
    found += list(every_character())
    return list(dict.fromkeys(found))


def example_texts() -> Iterator[str]:
    """Every string in the example data."""
    for file in sorted((ROOT / "examples" / "data").iterdir()):
        if file.suffix in (".jsonl", ".json", ".csv"):
            for _, _, row, _ in read_source_rows({"path": str(file), "hub": None}):
                yield from strings(row)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(inner)


def every_character() -> Iterator[str]:
    """Every character that Unicode has a meaning for, 64 to a text, letters between them."""
    known = [chr(code) for code in range(sys.maxunicode) if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")]
    for start in range(0, len(known), 64):
        yield "a".join(known[start : start + 64])


def chats() -> list[Chat]:
    """Conversations as they are trained on, and some of them as prompts too: what apply_chat_template is given."""
    made = [
        {"messages": row["messages"], "tools": row.get("tools"), "options": {}} for row in make_conversations(CHATS, 23)
    ]
    return made + [{**chat, "options": options} for options in PROMPTS for chat in made[::10]]


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], list[Chat]]:
    """The job's file, and what it asks."""
    folders = {variant: str(get_tokenizer_folder(variant)) for variant in TEMPLATES}
    job = {"folders": folders, "texts": texts(), "chats": chats()}
    file = tmp_path_factory.mktemp("reference") / "job.json"
    file.write_text(json.dumps(job), "utf-8")
    return file, job["texts"], job["chats"]  # type: ignore[return-value]


@pytest.fixture(scope="session")
def ours(asked: tuple[Path, list[str], list[Chat]]) -> dict[str, Any]:
    """What our code says, by variant; each of our ways to the same thing agrees with the others here."""
    _, texts, chats = asked
    return {variant: {"texts": our_texts(variant, texts), "chats": our_chats(variant, chats)} for variant in TEMPLATES}


def our_texts(variant: str, texts: list[str]) -> list[list[Any]]:
    tokenizer = load_folder_tokenizer(get_tokenizer_folder(variant))
    measure = TokenMeasurer(TokenCounter(tokenizer), LossSelection("all"))
    ids = [found.ids for found in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    counted = [measure.measure_text(text, is_plain_text=True)[0].tokens - 1 for text in texts]
    assert [text for text, one, count in zip(texts, ids, counted, strict=True) if len(one) != count] == []
    return [[one, tokenizer.decode(one, skip_special_tokens=False)] for one in ids]


def our_chats(variant: str, chats: list[Chat]) -> list[list[Any]]:
    encoder = Encoder(load_folder_tokenizer(get_tokenizer_folder(variant)), read_template(variant), LossRule())
    return [our_chat(variant, encoder, chat) for chat in chats]


def our_chat(variant: str, encoder: Encoder, chat: Chat) -> list[Any]:
    try:
        text = render_conversation(encoder.template, chat["messages"], chat["tools"], **chat["options"])
    except RenderError:
        return [None, None]
    ids = encoder.tokenizer.encode(text, add_special_tokens=False).ids
    dropped = variant == "instruct-2507" and any("reasoning_content" in message for message in chat["messages"])
    if not chat["options"] and not dropped:  # our form keeps reasoning that Instruct-2507's template drops: QR505
        assert TemplateRenderer(variant).render(normalize_messages(chat["messages"], chat["tools"])) == text
        row = normalize_row({"messages": chat["messages"], "tools": chat["tools"]}, "messages", {})
        assert [*encoder.encode([row])[0].ids, 198] == ids, "rows cut where loss begins have the same ids"
    return [text, ids]


@pytest.fixture(scope="session")
def python_with(interpreter: Callable[[str], Path]) -> Callable[[str], Path]:
    """An interpreter that has this version of transformers: this one, or one built for it in the user's cache."""

    def of(wanted: str) -> Path:
        if version("transformers") == wanted:
            return Path(sys.executable)
        folder = default_root() / f"transformers-{wanted}-{sys.version_info.minor}"
        if not (folder / "ready").is_file():
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            run_command([folder / "bin" / "python", "-m", "pip", "install", "-q", f"transformers=={wanted}", "jinja2"])
            (folder / "ready").touch()
        return folder / "bin" / "python"

    return of


@pytest.mark.parametrize("name", [OLDEST, NEWEST, *BACKENDS])
def test_transformers_says_the_same(
    name: str,
    asked: tuple[Path, list[str], list[Chat]],
    ours: dict[str, Any],
    python_with: Callable[[str], Path],
    interpreter: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    file, texts, chats = asked
    python = interpreter(name) if name in BACKENDS else python_with(name)
    run_command([python, Path(__file__).with_name("reference_tokenizer.py"), file, tmp_path / "out.json"])
    theirs = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert name in BACKENDS or theirs["version"] == name
    assert len(texts) > 10_000 and len(chats) > CHATS
    for variant in TEMPLATES:
        assert theirs[variant]["saved"] in (TOKENIZER_JSON_SHA256, RESAVED_TOKENIZER_JSON_SHA256)
        for kind, given in (("texts", texts), ("chats", chats)):
            pairs = zip(given, ours[variant][kind], theirs[variant][kind], strict=True)
            assert [pair for pair in pairs if pair[1] != pair[2]][:3] == [], (variant, kind)
