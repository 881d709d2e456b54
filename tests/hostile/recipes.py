"""Recipes, settings and native configs of strangers."""

from __future__ import annotations

from collections.abc import Iterator

from tests.hostile.case import DATA, HEAD, LINK, PIPE, RECIPE, ROW, RUN, Case, Content, build_recipe, rotate

COMMANDS = rotate(
    (
        ("compile", RECIPE),
        ("plan", RECIPE),
        ("show", RECIPE, "--resolved"),
        ("diff", RECIPE, RECIPE),
        ("lint", RECIPE, "--format", "sarif"),
        ("lint", RECIPE, "--fix"),
        ("lint", RECIPE, "--format", "github"),
        ("data", "preview", RECIPE),
        ("lock", RECIPE),
        ("run", RECIPE, "--dry-run"),
        ("lint", ".", "--format", "junit"),
        ("verify", RECIPE),
        ("show", RECIPE),
        ("compile", RECIPE, "--check"),
    )
)
LAUGHS = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 12))
TEXTS: dict[str, str | bytes] = {
    "empty": "",
    "only a mark": b"\xef\xbb\xbf",
    "null": "null",
    "a number": "1",
    "a list": "[1]",
    "nul": b"a: \0",
    "utf-16": "version: 1".encode("utf-16"),
    "latin-1": b"version: 1\nname: \xe9\n",
    "cut utf-8": b"a: \xe2\x82",
    "two documents": HEAD + DATA + "---\n" + HEAD,
    "tabs": "a:\n\t- b",
    "carriage returns": "version: 1\rmodel: x\r",
    "escape": HEAD + DATA + 'name: "\x1b[31m"',
    "escaped escape": HEAD + DATA + 'name: "\\e[31m\\a"',
    "bidi": HEAD + DATA + "name: 'a\u202eb'",
    "surrogate": HEAD + DATA + 'name: "\\ud800"',
    "laughs": f"l0: &l0 [a]\n{LAUGHS}",
    "alias to itself": "a: &a [*a]",
    "unknown alias": "a: *b",
    "merge bomb": "a: &a {b: 1}\n" + "\n".join(f"c{n}: &c{n} {{<<: [*a]}}" for n in range(500)),
    "merge of itself": "a: &a {<<: *a}",
    "merge of text": "<<: x",
    "python tag": "a: !!python/object/apply:os.system [id]",
    "python name": "a: !!python/name:os.system",
    "binary": "a: !!binary aGk=",
    "set": "a: !!set {b}",
    "unknown tag": "a: !include /etc/passwd",
    "env tag": "a: !ENV ${HOME}",
    "timestamp": "version: 2001-12-14t21:59:43Z",
    "deep lists": "a: " + "[" * 5000,
    "deep closed lists": "a: " + "[" * 500 + "]" * 500,
    "deep maps": "{a: " * 3000,
    "deep blocks": "\n".join(" " * n + "a:" for n in range(300)),
    "many keys": "\n".join(f"k{n}: 1" for n in range(9000)),
    "twice": HEAD + HEAD + DATA,
    "long key": "k" * 70_000 + ": 1",
    "long value": "a: " + "v" * 70_000,
    "long line": HEAD + DATA + "#" + "x" * 300_000,
    "many lines": HEAD + DATA + "\n" * 100_000,
    "too large": b"#" * (5 << 20),
    "quotes": "a: '" + "''" * 20_000,
    "percent": "%YAML 9.9\n---\na: 1",
    "stream": "... ...",
    "keys of lists": "? [a, b]\n: 1",
    "question marks": "? " * 500,
    "dashes": "- " * 500,
    "colons": ": " * 500,
    "numbers": HEAD + DATA + f"training: {{steps: {'9' * 400}}}",
    "not a number": HEAD + DATA + "training: {epochs: .nan}",
    "infinite": HEAD + DATA + "training: {learning_rate: .inf}",
    "sexagesimal": HEAD + DATA + "training: {steps: 1:30}",
    "octal": HEAD + DATA + "training: {steps: 0o7}",
    "exponent": HEAD + DATA + "training: {steps: 1e999}",
    "jinja": HEAD + DATA + "name: '{{ 7 * 7 }}'",
    "stages": HEAD + DATA + "stages:\n" + "".join(f"- {{name: s{n}, method: lora}}\n" for n in range(3000)),
    "stages of lists": HEAD + DATA + "stages: [[[]], null, {name: ../x}, {name: a, stages: [{name: b}]}]",
    "shell": HEAD + DATA + "name: '$(touch owned)'",
}
_TEN_TIMES = {f"{n}.yaml": f"extends: [{', '.join([f'{n + 1}.yaml'] * 10)}]\n" for n in range(8)}
EXTENDS: dict[str, dict[str, Content]] = {
    "ten of ten": {RECIPE: "extends: 0.yaml\n", **_TEN_TIMES, "8.yaml": HEAD + DATA},
    "20,000 times": {RECIPE: f"extends: [{', '.join(['b.yaml'] * 20_000)}]\n", "b.yaml": HEAD + DATA},
    "a chain": {RECIPE: "extends: 0.yaml\n", **{f"{n}.yaml": f"extends: {n + 1}.yaml\n" for n in range(300)}},
    "itself": {RECIPE: f"extends: ./{RECIPE}\n"},
    "nobody": {RECIPE: "extends: ~nobody-of-this-name/x.yaml\n"},
    "pipe": {RECIPE: "extends: p.yaml\n", "p.yaml": PIPE},
    "device": {RECIPE: "extends: d.yaml\n", "d.yaml": LINK + "/dev/zero"},
    "lists": {RECIPE: "extends: [[b.yaml], null, 5, {a: b}]\n", "b.yaml": HEAD + DATA},
}
HOSTILE_TEXT = (
    "$(touch owned)",
    "`touch owned`",
    "; touch owned #",
    "'; touch owned; '",
    '"; touch owned; "',
    "a\nb",
    "-rf",
    "--help",
    "../../owned",
    "/owned",
    "~root/owned",
    "",
    " ",
    ".",
    "..",
    "a" * 300,
    "é" * 200,
    "a\x00b",
    "{{ 7*7 }}",
    "${HOME}",
    "%s%n",
    "<script>alert(1)</script>",
    "::stop-commands::x",
    "\u2028",
    "\U0001f600",
)
PLACES = {
    "name": lambda v: {"name": v},
    "output": lambda v: {"output": {"dir": v}},
    "model": lambda v: {"model": v},
    "data": lambda v: {"data": {"train": v}},
    "environment": lambda v: {"run": {"backend": "axolotl", "environment": v}},
    "extra": lambda v: {"backends": {"axolotl": {"extra": {"hub_model_id": v}}}},
}
PATHS = {
    "zero": "/dev/zero",
    "random": "/dev/urandom",
    "terminal": "/dev/tty",
    "root": "/",
    "proc": "/proc/self/mem",
    "itself": RECIPE,
    "stars": "**/**/**/*",
    "bracket": "[",
    "brace": "{a,b}",
    "folder": ".",
    "pipe": "pipe.jsonl",
    "loop": "loop/rows.jsonl",
    "shadow": "/etc/shadow",
    "nobody": "~nobody-of-this-name/x.jsonl",
    "stdin": "/dev/stdin",
    "fd": "/proc/self/fd/0",
}
SETTINGS: dict[str, str | bytes] = {
    "broken": "[lint",
    "no utf-8": b"\xff\xfe",
    "list": "lint = []",
    "text": "[lint]\nselect = 'QR1'",
    "numbers": "[lint]\nignore = [1, 2]",
    "unknown code": "[lint]\nselect = ['QX']",
    "unknown key": "[lint]\nhook = 'sh'",
    "severity": "[lint]\nseverity = {QR101 = 'fatal'}",
    "deep": "a = " + "[" * 3000,
    "nul": b"[lint]\n\0",
    "pipe": PIPE,
    "large": b"#" * (5 << 20),
    "dotted": "a" + ".a" * 5000 + " = 1",
    "escape": "[lint]\nselect = ['\\u001b[2J']",
    "device": LINK + "/dev/zero",
    "folder": LINK + ".",
    "lost": LINK + "nowhere",
    "twice": "[lint]\n[lint]",
    "date": "[lint]\nselect = 2001-01-01",
    "all off": "[lint]\nignore = ['QR']",
    "empty": "",
    "mark": b"\xef\xbb\xbf[lint]",
    "a code that is none": "[lint]\nselect = ['\\n::error::x']",
}
NATIVE: dict[str, str | bytes] = {
    "tag": "base_model: !!python/object/apply:os.system ['touch owned']\nadapter: lora",
    "nul": b"base_model: a\0b\n",
    "laughs": f"base_model: x\nadapter: lora\nl0: &l0 [a]\n{LAUGHS}",
    "deep": "base_model: x\nadapter: " + "[" * 5000,
    "shell substitution": "#!/bin/bash\nswift sft --model $(touch owned) --train_type lora",
    "shell quotes": "swift sft --model 'a",
    "here document": "swift sft <<EOF\n" + "x\n" * 5000,
    "shell loop": "while :; do swift sft --model a; done",
    "variables": "a=$a$a$a\nb=$a$b\nswift sft --model $b$b",
    "doubling": "\n".join(f"v{n + 1}=$v{n}$v{n}" for n in range(40)) + "\nswift sft --model $v40",
    "nested defaults": "swift sft --model " + "${a:-" * 2000,
    "backslashes": "swift sft \\\n" * 5000,
    "arrays": "a=(" * 3000,
    "arrays in arrays": "swift sft --model a\n" + "a=(" * 3000,
    "blank lines of a here document": "swift sft <<EOF\n" + "\n" * 200_000,
    "long": "swift sft --model " + "x" * 300_000,
    "keys": "base_model: x\n" + "\n".join(f"k{n}: 1" for n in range(5000)),
    "json": '{"model": ' * 2000,
    "llamafactory": "model_name_or_path: x\nstage: sft\ndataset: [[[[1]]]]\n",
    "wrong types": "base_model: [1]\nadapter: {a: 1}\nsequence_len: x\nlora_r: .nan\n",
    "escape": 'base_model: "\\e]0;x\\a"\nadapter: lora',
    "quotes of all kinds": "swift sft --model \"$'\\x41'\"'`id`'",
    "pipe": PIPE,
    "device": LINK + "/dev/zero",
    "utf-16": "base_model: x\nadapter: lora".encode("utf-16"),
    "latin-1": b"base_model: \xe9\nadapter: lora\n",
    "semicolons": "swift sft;" * 3000,
    "braces": "swift sft --a {" * 2000,
    "dollar": "swift sft --model " + "$" * 5000,
}


def list_cases() -> Iterator[Case]:
    """Every case of these kinds."""
    rows = {"rows.jsonl": ROW}
    for name, text in TEXTS.items():
        yield Case("recipe text", name, {**rows, RECIPE: text}, (("lint", RECIPE), next(COMMANDS)))
    for name, files in EXTENDS.items():
        yield Case("recipe text", f"extends, {name}", {**rows, **files}, (("lint", RECIPE), next(COMMANDS)))
    for place, build in PLACES.items():
        for value in HOSTILE_TEXT:
            recipe = build_recipe(**build(value))
            yield Case("recipe value", f"{place} {value[:20]!r}", {**rows, RECIPE: recipe}, (next(COMMANDS),))
    more = {"pipe.jsonl": PIPE, "loop": LINK + "loop"}
    for name, path in PATHS.items():
        recipe = build_recipe(data={"train": path})
        for command in (("data", "check", RECIPE), next(COMMANDS)):
            yield Case("path", f"{name} by {command[0]} {len(command)}", {**rows, **more, RECIPE: recipe}, (command,))
    for name, text in SETTINGS.items():
        for file in (".recipes.toml", "pyproject.toml") if name in ("broken", "pipe", "large") else (".recipes.toml",):
            files = {**rows, RECIPE: HEAD + DATA + RUN, file: text}
            yield Case("settings", f"{name} in {file}", files, (("lint", RECIPE),))
    for name, text in NATIVE.items():
        file = "train.sh" if "swift" in str(text) else "train.yaml"
        yield Case("native config", name, {file: text}, (("lint", file), ("lint", ".", "--as", "axolotl")))
