"""Commands that read little: arguments, the folder of environments, and data that `init` is given."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.hostile.case import LINK, PIPE, RECIPE, ROW, Case, rotate
from tests.hostile.files import ADAPTER, CONFIG, OTHER_ROWS, ROWS, TEXTS, VALUES
from tests.hostile.recipes import HOSTILE_TEXT

ENVIRONMENT = {
    "backend": "llamafactory",
    "version": "0.9.6",
    "device": "cpu",
    "python": "3.11",
    "lock": "envs/x/l.lock",
    "sha256": "0",
}
ROOT = ("--root", "envs")
MALFORMED = ("", "\x1b[2J", "QR", "QR3\n01", "../QR301", "__init__", "QR301.py", "qr301", "9" * 5000, "a" * 70_000)


def list_cases() -> Iterator[Case]:
    """Every case of these kinds."""
    yield from _list_argument_cases()
    yield from _list_environment_cases()
    yield from _list_init_cases()
    yield from _list_merge_cases()


def _list_argument_cases() -> Iterator[Case]:
    files = {"schema.py": "raise SystemExit", ".recipes.toml": PIPE, "qwen_recipes/__init__.py": "1/0"}
    yield Case("argument", "no argument", files, (("schema",), ("backends",), ("explain",), ("doctor", *ROOT)))
    yield Case("argument", "draft", files, (("schema", "--draft", "x"), ("schema", "--draft", "draft-07")))
    for place, text in enumerate((*MALFORMED, *HOSTILE_TEXT)):
        if "\x00" in text:
            continue  # no argument of a program has one
        commands = (
            ("explain", "--", text),
            ("backends", "--", text),
            ("env", "remove", *ROOT, "--", text),
            ("env", "create", *ROOT, "--", text),
            ("doctor", f"--backend={text}", *ROOT),
            ("init", "--data=rows.jsonl", f"--gpu={text}", "--backend=axolotl"),
        )
        first = place % len(commands)
        yield Case("argument", f"{place}", {"rows.jsonl": ROW}, (commands[first], commands[(first + 3) % 6]))


def _list_environment_cases() -> Iterator[Case]:
    every = (("env", "list", *ROOT), ("doctor", *ROOT), ("env", "remove", "llamafactory", *ROOT))
    commands = rotate(every)
    for key in ENVIRONMENT:
        for value in (*VALUES[:3], "\x1b[2J", "../../x", "a\x00b"):
            described = json.dumps({**ENVIRONMENT, key: value})
            files = {"envs/x/environment.json": described, "envs/x/ready": "0", "kept/file": "x"}
            yield Case("environment", f"{key} {str(value)[:12]!r}", files, (next(commands),))
    for place, text in enumerate(TEXTS):
        yield Case("environment", f"description {place}", {"envs/x/environment.json": text}, (next(commands),))
    described = json.dumps(ENVIRONMENT)
    linked = {"kept/environment.json": described, "kept/ready": "0", "envs/x": LINK + "../kept"}
    yield Case("environment", "a link to a folder", linked, every)
    inner = {"envs/x/environment.json": described, "envs/x/lib": LINK + "../../kept", "kept/file": "x"}
    yield Case("environment", "a link in it", inner, every)
    python = {"envs/x/environment.json": described, "envs/x/bin/python": "#!/bin/sh\ntouch owned\n"}
    yield Case("environment", "a Python in it", python, every[:2])
    create = ("env", "create", "llamafactory", "--device", "cpu")
    secret = ("--torch-index", "https://me:pass1234@127.0.0.1:9/simple")
    yield Case("environment", "a file as root", {"envs": "x"}, ((*create, *ROOT), *every))
    yield Case("environment", "text as Python", {"p": "x"}, ((*create, *ROOT, "--python", "p", *secret),))


def _list_init_cases() -> Iterator[Case]:
    common = ("--gpu", "rtx-4090", "--backend", "llamafactory")
    named = [("rows.jsonl", name, text) for name, text in list(ROWS.items())[::2]]
    named += [
        (f"rows.{kind}", name, text) for kind, texts in OTHER_ROWS.items() for name, text in list(texts.items())[::3]
    ]
    for file, name, text in named:
        yield Case("init", f"{name} in {file}", {file: text}, (("init", "--data", file, *common),))
    for place, text in enumerate(HOSTILE_TEXT[::2]):
        if "\x00" not in text:
            arguments = ("init", "--data", "rows.jsonl", f"--model={text}", *common)
            yield Case("init", f"model {place}", {"rows.jsonl": ROW}, (arguments,))
        if "/" not in text and "\x00" not in text and len(text.encode()) < 200 and text not in (".", ".."):
            arguments = ("init", "--data", f"{text}.jsonl", "-o", RECIPE, *common)
            yield Case("init", f"data {place}", {f"{text}.jsonl": ROW}, (arguments, ("lint", RECIPE)))
    for value in ("no such type", [], None):
        config = json.dumps({**CONFIG, "model_type": value})
        arguments = ("init", "--data", "rows.jsonl", "--model", "m", *common)
        yield Case("init", f"model of type {value}", {"rows.jsonl": ROW, "m/config.json": config}, (arguments,))
    over = {"rows.jsonl": ROW, "kept": "x", RECIPE: LINK + "kept"}
    yield Case("init", "a link", over, (("init", "--data", "rows.jsonl", *common, "-o", RECIPE, "--force"),))


def _list_merge_cases() -> Iterator[Case]:
    weights = {"s/adapter_model.safetensors": b"\x02\0\0\0\0\0\0\0{}"}
    merge = ("merge", "s", "-o", "out")
    for key in ("base_model_name_or_path", "r", "target_modules"):
        for value in VALUES[::3]:
            config = json.dumps({**ADAPTER, key: value})
            yield Case("merge", f"{key} {str(value)[:12]}", {**weights, "s/adapter_config.json": config}, (merge,))
    good = {**weights, "s/adapter_config.json": json.dumps(ADAPTER)}
    for place, text in enumerate(TEXTS):
        yield Case("merge", f"config {place}", {**weights, "s/adapter_config.json": text}, (merge,))
        yield Case("merge", f"record {place}", {**good, "s/run.json": text}, (merge,))
    yield Case("merge", "a link as output", {**good, "kept/x": "x", "out": LINK + "kept"}, (merge,))
