"""Inputs for tools/fuzz.py: number and seed give the same bytes every time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from qwen_recipes.backends import list_backend_names
from qwen_recipes.recipe.field_index import index_fields

EXAMPLES = [path.read_bytes() for path in sorted((Path(__file__).parent.parent / "examples").glob("*.yaml"))]
MINIMAL_RECIPE = b"version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\n"
ODD_SCALARS = [
    "1e-4", "1e999", "-1e999", ".inf", "-.Inf", ".nan", "0x1F", "0o17", "1_000", "9" * 29, "9" * 31, "9" * 5000,
    "-0", "+1", "~", "null", "", "on", "No", "true", "TRUE", "'", '"', "''", '""', "|", ">", "|2-", "?", "-",
    ":", "{", "[", "}", "]", "&a", "*a", "!", "!!", "%", "@", "`", "#", "2024-01-01", "12:30:45", "=", "<<",
    "\\", '"\\u0000"', '"\\ud800"', '"\\U0010ffff"', "'\u2028'", "\x85", "\u00e9", "\U0001f600", "e\u0301" * 40,
    "{{ 7 * 7 }}", "{% raw %}", "${HOME}", "$(id)", "a: b", "a #b", "../../etc/passwd", "/dev/null", "C:\\x",
    "file.jinja", "x" * 3000, "- - - -", "? ? ?", "1.", ".5", "1e", "e5", "0.0", "4", "\tx", "\x00", "\x1b[31m",
    "\ufeff", "\ufffe", "Qwen/Qwen3-8B", "auto", "lora", "full", "all-linear", "zero3", "fsdp",
]  # fmt: skip
TAGS = [
    "!!str",
    "!!int",
    "!!binary",
    "!!python/object/apply:os.system",
    "!x",
    "!<tag:yaml.org,2002:map>",
    "!!set",
    "!!omap",
]
ENCODINGS = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp037", "utf-7", "utf-8-sig", "shift_jis"]
SPLICES = [
    b"\n", b"\r\n", b"\r", b"\t", b" ", b": ", b"- ", b"{", b"}", b"[", b"]", b"&a ", b"*a", b"<<: *a\n",
    b"---\n", b"...\n", b"#", b"%YAML 1.2\n", b"\x00", b"\xff", b"\xc3\x28", b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"'", b'"', b"!!python/name:os ", b"? ", b"|\n",
    b">-\n", b"9" * 40, b"\xc2\x85",
]  # fmt: skip


def make_input(seed: int, number: int) -> tuple[str, bytes]:
    """The kind of an input and its bytes."""
    random = Random(f"{seed}:{number}")
    kind, build = random.choices(list(KINDS.items()), [weight for _, weight in KINDS.values()])[0]
    return kind, build[0](random)


def mutate_bytes(random: Random) -> bytes:
    """An example with bytes deleted, doubled, flipped or put in."""
    content = bytearray(random.choice(EXAMPLES))
    for _ in range(random.randint(1, 8)):
        start = random.randrange(len(content) + 1)
        end = min(len(content), start + random.randint(1, 12))
        done = random.randrange(5)
        if done == 0:
            del content[start:end]
        elif done == 1:
            content[start:start] = content[start:end] * random.randint(1, 3)
        elif done == 2 and start < len(content):
            content[start] ^= 1 << random.randrange(8)
        else:
            content[start:start] = random.choice(SPLICES)
    return bytes(content)


def mutate_lines(random: Random) -> bytes:
    """An example whose lines are swapped, doubled or left out, or hold another value."""
    lines = random.choice(EXAMPLES).decode().splitlines(keepends=True)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(lines))
        key, colon, _ = lines[at].partition(": ")
        done = random.randrange(5)
        if done < 3 and colon:
            lines[at] = f"{key}: {_choose_scalar(random)}\n"
        elif done == 3:
            lines.insert(random.randrange(len(lines)), lines[at])
        elif len(lines) > 1:
            del lines[at]
    return "".join(lines).encode("utf-8", "surrogatepass")


def build_from_fields(random: Random) -> bytes:
    """Fields of the spec with values that are mostly of the right kind: what reaches resolving and compiling."""
    recipe: dict[str, Any] = {"version": 1, "model": random.choice(_MODELS), "data": {"train": "data/support.jsonl"}}
    for path in random.sample(_PATHS, random.randint(1, 8)):
        _set_field(recipe, path.split("."), _choose_value(random, path))
    text = json.dumps(recipe, indent=random.choice([None, 1]), ensure_ascii=random.random() < 0.5)
    return text.encode("utf-8", "surrogatepass")


def build_aliases(random: Random) -> bytes:
    """Anchors, aliases of aliases, merge keys, and aliases to what contains them."""
    wide, deep = random.randint(1, 12), random.randint(1, 30)
    lines = ["a0: &a0 {epochs: 1, rank: 8, x: [1, 2]}"]
    for level in range(1, deep):
        inner = ", ".join(f"*a{random.randrange(level)}" for _ in range(wide))
        body = random.choice([f"[{inner}]", f"{{<<: [{inner}], k{level}: 1}}", f"{{<<: *a{level - 1}, b: [{inner}]}}"])
        lines.append(f"a{level}: &a{random.choice([level, level, level, 0])} {body}")
    lines.append(
        random.choice(
            ["self: &s [*s]", "training: *a0", "training: {<<: *a0}", "? *a0\n: 1", "*a0 : 1", "allow: *nope"]
        )
    )
    return MINIMAL_RECIPE + "\n".join(lines).encode() + b"\n"


def build_nested(random: Random) -> bytes:
    """Lists and maps far deeper than any recipe, in each of YAML's ways."""
    depth = random.choice([10, 60, 63, 64, 65, 200, 2000, random.randint(1, 50_000)])
    few = min(depth, 2000)
    ways = [
        "[" * depth + "]" * depth,
        "{a: " * depth + "1" + "}" * depth,
        "".join(f"{' ' * n}a:\n" for n in range(min(depth, 600))),
        "- " * depth + "1",
        "? " * few + "1",
        "[" * depth,
        "{a: [" * depth,
        "[{a: " * few + "}]" * few,
    ]
    return random.choice([b"", MINIMAL_RECIPE + b"backends: {axolotl: {extra: {k: "]) + random.choice(ways).encode()


def build_huge(random: Random) -> bytes:
    """One scalar, key, comment or list of up to some megabytes."""
    size = random.choice([1000, 100_000, 1_000_000, 3_900_000, 4_100_000])
    unit = random.choice(["x", "9", " ", "\n", "é", "'", "-", "#", ": ", "\\n", "&a", "%", "\t"])
    body = (unit * size)[:size]
    ways = [
        f"name: {body}",
        f'name: "{body}"',
        f"name: '{body}",
        f"name: |\n  {body}",
        f"{body}: 1",
        f"# {body}",
        f"allow: {{QR101: {body}}}",
        f"? {body}\n: 1",
        "[" + "1," * min(size, 200_000) + "]",
        "".join(f"k{n}: 1\n" for n in range(min(size, 60_000))),
        "a: 1\n" * min(size, 30_000),
    ]
    return MINIMAL_RECIPE + random.choice(ways).encode()[:4_200_000]


def reencode_example(random: Random) -> bytes:
    """An example in an encoding that is not UTF-8, or with bytes of another in its middle."""
    text = random.choice(EXAMPLES).decode() + random.choice(["", "# é\n", "name: café\n", "# \U0001f600\n"])
    content = text.encode(random.choice(ENCODINGS), "replace")
    cut = random.randrange(len(content))
    return random.choice([content, content[:cut], text.encode()[:cut] + content[cut:]])


def add_tags(random: Random) -> bytes:
    """Tags before keys, values, lists and maps."""
    lines = []
    for line in random.choice(EXAMPLES).decode().splitlines():
        key, colon, value = line.partition(": ")
        tag = random.choice(TAGS) if random.random() < 0.4 else ""
        lines.append(f"{key}: {tag} {value}" if colon else f"{line} {tag}".rstrip())
    return "\n".join([*random.choice([[], ["%TAG ! tag:x,2020:", "---"], ["%YAML 1.1", "---"]]), *lines]).encode()


def build_raw_bytes(random: Random) -> bytes:
    """Bytes, or characters that mean something to YAML, in no order."""
    if random.random() < 0.5:
        return random.randbytes(random.randint(0, 400))
    return "".join(random.choices("ab01 \n\t-:?,[]{}#&*!|>'\"%@`~<\u2028\u0085é", k=random.randint(0, 400))).encode()


def _choose_scalar(random: Random) -> str:
    return random.choice(ODD_SCALARS)


_MODELS = [
    "Qwen/Qwen3-0.6B",
    "Qwen/Qwen3-4B-Base",
    "Qwen/Qwen3-30B-A3B",
    "Qwen/Qwen3-4B-Thinking-2507",
    "Qwen/Qwen3-32B",
]
_PATHS = [path for path in index_fields() if "[" not in path and "*" not in path and path not in ("version", "model")]
_WORDS = [
    *list_backend_names(), "auto", "none", "full", "lora", "qlora", "qdora", "epoch", "zero3",
    "fsdp", "ddp", "single", "cpu", "h100", "rtx-2080-ti", "all", "drop", "truncate", "bf16", "fp16", "fp32",
    "cosine", "constant",
]  # fmt: skip


def _choose_value(random: Random, path: str) -> Any:
    chance = random.random()
    if chance < 0.7:
        return index_fields()[path].example
    if chance < 0.8:
        return random.choice([0, 1, 2, 8, 64, 4096, 10**9, 2**32 - 1, -1, 10**25])
    if chance < 0.87:
        return random.choice([0.0, 1e-9, 0.5, 0.999, 1.0, 1e300, -0.5, True, False, None])
    return random.choice(
        [random.choice(_WORDS), _choose_scalar(random), [], {}, ["q_proj"], [0.9, 0.95], {"QR101": "because"}]
    )


def _set_field(target: dict[str, Any], steps: list[str], value: Any) -> None:
    for step in steps[:-1]:
        inner = target.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        target = inner
    target[steps[-1]] = value


KINDS: dict[str, tuple[Callable[[Random], bytes], int]] = {
    "mutated": (mutate_bytes, 28),
    "revalued": (mutate_lines, 22),
    "spelled": (build_from_fields, 20),
    "raw": (build_raw_bytes, 8),
    "anchored": (build_aliases, 8),
    "tagged": (add_tags, 6),
    "encoded": (reencode_example, 5),
    "nested": (build_nested, 2),
    "huge": (build_huge, 1),
}
"""Kinds of input, each with how often it comes in a hundred."""
