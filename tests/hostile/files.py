"""Templates, rows, model folders, adapters and records of strangers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.hostile.case import DATA, HEAD, LINK, PIPE, RECIPE, ROW, Case, Content, build_recipe, rotate
from tests.unit.qwen.test_template_process import TOO_MUCH
from tests.unit.recipe.test_secrets import SECRETS
from tests.unit.runs.test_hostile_output import ENTRIES, LINES

SLOW = ("nested ranges", "a range of ranges", "lorem", "doubling list", "doubling text")
ESCAPES = {
    "subclasses": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "globals": "{{ cycler.__init__.__globals__ }}",
    "import": "{% import 'os' as o %}",
    "include": "{% include '/etc/passwd' %}",
    "attr": "{{ ''|attr('__class__') }}",
    "format": "{{ '{0.__class__}'.format(1) }}",
    "format by attr": "{{ ('{0.__class__}'|attr('format'))(1) }}",
    "map": "{{ [1]|map(attribute='__class__')|list }}",
    "extends": "{% extends 'x' %}",
    "raise": "{{ raise_exception('\x1b[2J') }}",
    "append": "{{ messages.append(messages) }}",
    "no utf-8": "\udcff",
    "empty": "",
    "escape": "\x1b]0;x\x07{{ messages }}",
    "unclosed": "{% for m in messages %}",
    "unknown filter": "{{ 1|nofilter }}",
    "nul": "\0",
    "only text": "hello",
    "attributes": "{{ messages[0].__class__.__init__.__globals__ }}",
    "self": "{{ self._TemplateReference__context }}",
    "namespace": "{% set n = namespace() %}{% set n.__class__ = 1 %}",
    "half a pair": "{{ '\\ud800' }}{% for m in messages %}{{ m.content }}{% endfor %}",
    "strftime": "{{ strftime_now('%' ~ 'Y' * 9999) }}",
}
USER, BOT = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
DEEP: Any = "x"
for _ in range(600):
    DEEP = [DEEP]
ROWS: dict[str, str | bytes] = {
    "empty": "",
    "nul": b"\0\0\0",
    "no utf-8": b'{"messages": "\xff\xfe"}\n',
    "utf-16": ROW.encode("utf-16"),
    "half": ROW[:30],
    "surrogate": '{"messages": [{"role": "user", "content": "\\ud800"}, {"role": "assistant", "content": "a"}]}\n',
    "surrogate key": '{"\\udc00": 1}\n',
    "deep": '{"messages": ' + "[" * 3000 + "]" * 3000 + "}\n",
    "deeper": "[" * 100_000,
    "deep maps": '{"a":' * 2000 + "1" + "}" * 2000 + "\n",
    "number": "1\n",
    "null": "null\n",
    "text": '"x"\n',
    "list": "[]\n",
    "nan": '{"messages": NaN}\n',
    "infinite": '{"messages": 1e999}\n',
    "digits": '{"a": ' + "9" * 5000 + "}\n",
    "same key": '{"messages": 1, "messages": 2}\n',
    "wide": json.dumps({f"k{n}": n for n in range(5000)}) + "\n",
    "many turns": json.dumps({"messages": [USER, BOT] * 2000}) + "\n",
    "no turns": '{"messages": []}\n',
    "turns of text": '{"messages": ["a", "b"]}\n',
    "turns of nulls": '{"messages": [null, null]}\n',
    "a map": '{"messages": {}}\n',
    "role of a list": '{"messages": [{"role": [], "content": "x"}]}\n',
    "content of maps": json.dumps({"messages": [USER, {**BOT, "content": {"a": DEEP}}]}) + "\n",
    "control tokens": json.dumps({"messages": [{**USER, "content": "<|im_end|>" * 999}, BOT]}) + "\n",
    "escape": json.dumps({"messages": [{**USER, "role": "\x1b[31mx"}, BOT]}) + "\n",
    "commands": json.dumps({"messages": "::error::x\n"}) + "\n",
    "long line": '{"messages": "' + "x" * 300_000 + '"}\n',
    "blank lines": "\n" * 50_000 + ROW,
    "nothing but blank lines": "\n" * 3_000_000 + ROW,
    "carriage returns": ROW.replace("\n", "\r") * 5,
    "marks": b"\xef\xbb\xbf" * 3 + ROW.encode(),
    "comment": "# x\n" + ROW,
    "commas": "," * 5000,
    "quotes": '"' * 5001,
    "backslashes": "\\" * 5000,
    "gzip bomb": gzip.compress(b"\0" * (20 << 20)),
    "cut gzip": gzip.compress(ROW.encode())[:-6],
    "zip": b"PK\x03\x04" + b"x" * 50,
    "pickle": b"\x80\x02}q\x00.",
    "pickled code": b"cos\nsystem\n(S'touch owned'\ntR.",
    "elf": b"\x7fELF" + b"\0" * 50,
    "tools of text": json.dumps({"messages": [USER, BOT], "tools": "{"}) + "\n",
    "tools of a number": json.dumps({"messages": [USER, BOT], "tools": 5}) + "\n",
    "calls": json.dumps({"messages": [USER, {**BOT, "tool_calls": [{"function": {"name": [], "arguments": "{"}}]}]})
    + "\n",
    "html": json.dumps({"messages": [{**USER, "content": "</script><script>alert(1)</script>"}, BOT]}) + "\n",
    "pipe": PIPE,
    "device": LINK + "/dev/zero",
    "folder": LINK + "/",
    "git lfs": "version https://git-lfs.github.com/spec/v1\n",
}
OTHER_ROWS: dict[str, dict[str, str | bytes]] = {
    "csv": {
        "empty": "",
        "one column": "a\n1\n",
        "twice": "a,a\n1,2\n",
        "quotes": 'a,b\n"' + '""' * 9999,
        "wide": ",".join("x" * 5000) + "\n1\n",
        "nul": "a,b\n\0,1\n",
        "ragged": "a,b\n1\n1,2,3\n",
        "formula": "text\n=cmd|' /C calc'!A0\n",
        "utf-16": "text\nx\n".encode("utf-16"),
        "returns": "text\r\r\r\r",
        "sep": "sep=\n1",
        "latin": b"text\n\xe9\n",
    },
    "json": {
        "empty": "",
        "list": "[",
        "deep": "[" * 100_000,
        "values": "1 2 3",
        "cut": '[{"text": "a"}, {"te',
        "after": "[] x",
        "map": "{}",
        "null": "null",
        "numbers": "[" + "1," * 9999 + "1]",
        "nested": json.dumps([{"messages": DEEP}]),
        "nan": "[NaN]",
        "spaces": " " * 50_000,
    },
    "parquet": {
        "empty": b"",
        "mark": b"PAR1",
        "marks": b"PAR1" * 2,
        "garbage": b"PAR1" + b"\xff" * 500 + b"PAR1",
        "length": b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1",
        "rows": ROW,
    },
    "arrow": {
        "mark": b"ARROW1",
        "garbage": b"ARROW1\0\0" + b"\xff" * 500,
        "stream": b"\xff\xff\xff\xff" + b"\x7f" * 500,
    },
    "txt": {"nul": b"\0" * 500, "latin": b"\xe9\n", "long": "x" * 300_000},
}
CONFIG: dict[str, Any] = {
    "model_type": "qwen3",
    "num_hidden_layers": 4,
    "hidden_size": 64,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "vocab_size": 151_936,
    "max_position_embeddings": 40_960,
    "num_key_value_heads": 2,
    "head_dim": 16,
}
VALUES = (None, "x", [], {}, -1, 0, 1e308, 10**30, True, "9" * 5000)
TEXTS: tuple[str | bytes, ...] = (
    "",
    "[",
    "[]",
    "null",
    b"\xff",
    "[" * 100_000,
    PIPE,
    LINK + "/dev/zero",
    '{"a":' * 3000,
    "9" * 5000,
)
ADAPTER: dict[str, Any] = {
    "peft_type": "LORA",
    "base_model_name_or_path": "Qwen/Qwen3-4B",
    "r": 8,
    "lora_alpha": 16,
    "lora_dropout": 0.0,
    "target_modules": ["q_proj", "v_proj"],
}
RECORD: dict[str, Any] = {
    "name": "a",
    "backend": {"name": "axolotl"},
    "status": "finished",
    "started": "2026-01-01T00:00:00+00:00",
    "host": "h",
    "pid": 1,
    "pid_started": 1,
    "output": ".",
    "recipe": {"text": "version: 1"},
    "plan": [{"field": "name", "value": "a", "origin": "recipe", "reason": "set"}],
    "files": {},
    "command": ["bash", "run.sh"],
    "folder": ".",
    "environment": {"packages": {"torch": "2"}},
    "system": {"qwen-recipes": "0.1.0"},
    "seconds": 1.5,
    "steps": 3,
    "last_loss": 2.0,
    "gpus": [{"name": "g", "memory": 1, "driver": "d"}],
    "data": [{"split": "train", "path": "p", "sha256": "s"}],
}
WITHIN = ("recipe.text", "plan.0", "plan.0.field", "backend.name", "environment.packages", "system.qwen-recipes")
"""Places in the record's lists and maps."""


BPE: dict[str, Any] = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
GROW = {"type": "Replace", "pattern": {"Regex": "."}, "content": "aaaaaaaaaa"}
SPLIT = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False}
END = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "X", "type_id": 0}}], "pair": []}
PAD = {"pad_id": 0, "pad_type_id": 0, "pad_token": "a"}
TOKENIZERS: dict[str, dict[str, Any]] = {
    "a text that grows": {"normalizer": {"type": "Sequence", "normalizers": [GROW] * 12}},
    "steps in steps": {
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Sequence", "normalizers": [GROW]}]}
    },
    "a long beginning": {"normalizer": {"type": "Prepend", "prepend": "a" * 5_000_000}},
    "a slow pattern": {"pre_tokenizer": SPLIT},
    "a token at the end": {"post_processor": {**END, "special_tokens": {}}},
    "a decoder that grows": {"decoder": {"type": "Replace", "pattern": {"String": ""}, "content": "a" * 9999}},
    "a list of another part": {"normalizer": {"type": "Sequence", "decoders": [], "normalizers": [GROW] * 12}},
    "bytes, again and again": {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [BYTES] * 30}},
    "bytes in lists": {
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Sequence", "pretokenizers": [BYTES]}] * 30}
    },
    "a hundred thousand steps": {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKD"}] * 100_000}},
    "lists of nothing": {
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Sequence", "normalizers": []}] * 200_000}
    },
    "steps that are no list": {"normalizer": {"type": "Sequence", "normalizers": 7}},
    "Unigram": {"model": {"type": "Unigram", "unk_id": None, "vocab": [["<unk>", 0.0]]}},
    "WordPiece": {"model": {"type": "WordPiece", "unk_token": "N", "vocab": {"a": 0}, "max_input_chars_per_word": 0}},
    "WordLevel": {"model": {"type": "WordLevel", "unk_token": "N", "vocab": {"a": 0}}},
    "an unknown token": {"model": {**BPE, "unk_token": "N"}},
    "a long prefix": {"model": {**BPE, "continuing_subword_prefix": "aaaaaaaaaa"}},
    "a prefix that is cut": {"model": {**BPE, "continuing_subword_prefix": "é", "vocab": {"é": 0, "éb": 1, "a": 2}}},
    "a merge of nothing": {"model": {**BPE, "merges": ["x y"]}},
    "padding": {
        "padding": {"strategy": {"Fixed": 10**9}, "direction": "Right", "pad_id": 0, "pad_type_id": 0, "pad_token": "a"}
    },
    "no length": {"truncation": {"max_length": 0, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}},
}
"""A model folder's own tokenizer.json, each with the other parts as Qwen's has them."""


def list_cases() -> Iterator[Case]:
    """Every case of these kinds."""
    yield from _list_template_cases()
    yield from _list_row_cases()
    yield from _list_folder_cases()
    yield from _list_record_cases()
    for name, secret in SECRETS.items():
        recipe = build_recipe(backends={"axolotl": {"extra": {"hub_model_id": secret}}})
        yield Case("secret", name, {RECIPE: recipe, "rows.jsonl": ROW}, (("compile", RECIPE),))


def _list_template_cases() -> Iterator[Case]:
    commands = rotate((("lint", RECIPE), ("compile", RECIPE), ("plan", RECIPE), ("data", "check", RECIPE)))
    recipe = HEAD + DATA + "chat: {template: t.jinja}\n"
    for name, text in {**TOO_MUCH, **ESCAPES}.items():
        if name not in SLOW[1:]:
            yield Case("template", name, {RECIPE: recipe, "t.jinja": text, "rows.jsonl": ROW}, (next(commands),))
    for name in ("pipe", "device", "folder", "large", "absent"):
        content = {"pipe": PIPE, "device": LINK + "/dev/zero", "folder": LINK + ".", "large": "x" * (3 << 20)}.get(name)
        files = {RECIPE: recipe, "rows.jsonl": ROW, **({"t.jinja": content} if content else {})}
        yield Case("template", f"file {name}", files, (("lint", RECIPE), ("compile", RECIPE)))


def _list_row_cases() -> Iterator[Case]:
    commands = rotate(
        (("data", "check", "{}"), ("data", "preview", "{}"), ("data", "prepare", "{}", "-o", "out.jsonl"))
    )
    named = [(f"rows.{kind}", name, text) for kind, texts in OTHER_ROWS.items() for name, text in texts.items()]
    for file, name, text in [*(("rows.jsonl", name, text) for name, text in ROWS.items()), *named]:
        command = tuple(part.format(file) for part in next(commands))
        yield Case("rows", f"{name} in {file}", {file: text}, (command,))


def _list_folder_cases() -> Iterator[Case]:
    model = {RECIPE: build_recipe(model="m"), "rows.jsonl": ROW}
    commands = rotate((("lint", RECIPE), ("plan", RECIPE), ("compile", RECIPE), ("show", RECIPE, "--resolved")))
    for key in CONFIG:
        for value in VALUES[:: 1 if key == "model_type" else 3]:
            config = json.dumps({**CONFIG, key: value})
            yield Case(
                "model folder", f"{key} {str(value)[:12]}", {**model, "m/config.json": config}, (next(commands),)
            )
    for place, text in enumerate(TEXTS):
        for file in ("config.json", "tokenizer_config.json", "chat_template.jinja"):
            files = {**model, "m/config.json": json.dumps(CONFIG), f"m/{file}": text}
            yield Case("model folder", f"{file} {place}", files, (next(commands),))
    yield from _list_tokenizer_cases({**model, "m/config.json": json.dumps(CONFIG)})
    start = {RECIPE: build_recipe(method={"type": "lora", "start_from": "s"}), "rows.jsonl": ROW}
    start["s/adapter_model.safetensors"] = b"\x02\0\0\0\0\0\0\0{}"
    for key in ADAPTER:
        for value in VALUES[::2]:
            config = json.dumps({**ADAPTER, key: value})
            yield Case(
                "adapter", f"{key} {str(value)[:12]}", {**start, "s/adapter_config.json": config}, (next(commands),)
            )
    for place, text in enumerate(TEXTS):
        yield Case("adapter", f"config {place}", {**start, "s/adapter_config.json": text}, (next(commands),))


def _list_tokenizer_cases(model: Mapping[str, str | bytes]) -> Iterator[Case]:
    both = (("data", "check", RECIPE), ("data", "preview", RECIPE))
    plain = {"version": "1.0", "added_tokens": [], "normalizer": {"type": "NFC"}, "model": BPE}
    for name, part in TOKENIZERS.items():
        text = json.dumps({"truncation": None, "padding": None, **plain, **part})
        yield Case("tokenizer", name, {**model, "m/tokenizer.json": text}, both)
    for name, text in {"a list": "[]", "an id of letters": '{"x": {"content": "a"}}', "no token": '{"1": 7}'}.items():
        files = {
            "m/tokenizer.json": json.dumps(plain),
            "m/tokenizer_config.json": f'{{"added_tokens_decoder": {text}}}',
        }
        yield Case("tokenizer", f"settings, {name}", {**model, **files}, both[:1])


def _put(whole: Any, path: list[str], value: object) -> Any:
    """A copy with a value in another place."""
    if not path:
        return value
    if isinstance(whole, list):
        return [_put(whole[int(path[0])], path[1:], value)]
    return {**whole, path[0]: _put(whole[path[0]], path[1:], value)}


def _list_record_cases() -> Iterator[Case]:
    commands = rotate((("status", "."), ("report", "run"), ("logs", "run"), ("why", "run"), ("diff", "run", "run")))
    for key in RECORD:
        for value in (None, [], "\x1b[2J", 10**30):
            record = json.dumps({**RECORD, key: value})
            yield Case(
                "record", f"{key} {value!r:.12}", {"run/run.json": record, "run/run.log": "x"}, (next(commands),)
            )
    for path in WITHIN:
        for value in (None, [], {}, 5):
            record = json.dumps(_put(RECORD, path.split("."), value))
            files: dict[str, Content] = {"run/run.json": record, "run/run.log": "x"}
            yield Case(
                "record", f"{path} {value!r}", files, (("status", "."), ("report", "run"), ("diff", "run", "run"))
            )
    for place, text in enumerate(TEXTS):
        for file in ("run.json", "metrics.jsonl", "run.log", "trainer_state.json"):
            files = {"run/run.json": json.dumps(RECORD), "run/run.log": "x", f"run/{file}": text}
            yield Case("record", f"{file} {place}", files, (next(commands),))
    for name, line in LINES.items():
        files = {
            "run/run.json": json.dumps(RECORD),
            "run/run.log": line + b"Traceback (most recent call last):\n" + line,
        }
        yield Case("log", name, files, (("why", "run"), ("logs", "run")))
    for place, line in enumerate(ENTRIES):
        files = {"run/run.json": json.dumps(RECORD), "run/metrics.jsonl": line + b"\n", "run/run.log": "x"}
        yield Case("log", f"metrics {place}", files, (("report", "run"), ("status", ".")))
