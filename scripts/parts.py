"""The spec's models as plain classes that load in a millisecond: the files of `qwen_recipes/recipe/parts/`.

Read from what pydantic itself validates by (each model's core schema), so that nothing of it can be forgotten: what
has no kind here ends the writing.
"""

from __future__ import annotations

import re
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from qwen_recipes.recipe import kinds, short_forms
from qwen_recipes.recipe.fields import part_of
from qwen_recipes.recipe.spec import Recipe
from qwen_recipes.recipe.spec.base import Part

FOLDER = "qwen_recipes/recipe/parts"
CONFIG = {
    "extra": "forbid",
    "strict": True,
    "frozen": True,
    "allow_inf_nan": False,
    "use_attribute_docstrings": False,
}
"""What `kinds.py` takes for granted of every model."""
HEAD = '''"""{doc}

Written by scripts/docs.py from spec/{module}.py; change that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

{imports}

if TYPE_CHECKING:
    from typing import Any, ClassVar, Literal

    from qwen_recipes.recipe.kinds import Kind
'''
LIMITS = {
    "str": ("min_length", "max_length", "pattern"),
    "int": ("ge", "gt", "le", "lt"),
    "float": ("ge", "gt", "le", "lt"),
    "bool": (),
    "any": (),
}
KINDS = {"str": kinds.Text, "int": kinds.Whole, "float": kinds.Number, "bool": kinds.Switch, "any": kinds.Anything}
IGNORED = ("type", "metadata", "ref", "serialization")


def files() -> dict[str, str]:
    """Each file's path below the root, and its text: one for each module of the spec."""
    parts = list(dict.fromkeys(below(Recipe)))
    homes = {part.__name__: part.__module__.rpartition(".")[2] for part in parts}
    assert len(homes) == len(parts), "two parts have one name"
    modules = list(dict.fromkeys(homes.values()))
    return {
        f"{FOLDER}/{module}.py": module_text(module, [p for p in parts if homes[p.__name__] == module], homes)
        for module in modules
    }


def module_text(module: str, parts: list[type[Part]], homes: dict[str, str]) -> str:
    body = "\n\n".join(class_text(part) for part in parts)
    used = {*re.findall(r"[A-Za-z_]+", re.sub(r'"[^"]*"', "", body))}
    imports = [line("kinds", used & named(kinds)), "from qwen_recipes.recipe.part import Part"]
    others = sorted({home for name, home in homes.items() if name in used and home != module})
    imports += [line(f"parts.{other}", {n for n in used if homes.get(n) == other}) for other in others]
    imports.append(line("short_forms", used & named(short_forms)))
    doc = sys.modules[parts[0].__module__].__doc__
    head = HEAD.format(doc=(doc or "").strip(), module=module, imports="\n".join(imports))
    return formatted(f"{head}\n\n{body}", module)


def named(module: types.ModuleType) -> set[str]:
    """What a module itself defines."""
    return {name for name, one in vars(module).items() if getattr(one, "__module__", "") == module.__name__}


def line(module: str, names: set[str]) -> str:
    """An import, or nothing where nothing is needed."""
    return f"from qwen_recipes.recipe.{module} import {', '.join(sorted(names))}" if names else ""


def formatted(source: str, module: str) -> str:
    """As `ruff check --fix` (imports in order, none unused) and `ruff format` leave it."""
    for words in (("check", "--fix", "--quiet", "--exit-zero"), ("format",)):
        command = [sys.executable, "-m", "ruff", *words, "--stdin-filename", f"{FOLDER}/{module}.py", "-"]
        source = subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout
    return source


def below(part: type[Part]) -> Iterator[type[Part]]:
    """The parts that a part needs, then the part."""
    for info in part.model_fields.values():
        inner = part_of(info.annotation)
        if inner is not None:
            yield from below(inner)
    yield part


def class_text(part: type[Part]) -> str:
    assert dict(part.model_config) == CONFIG, part
    schema = part.__pydantic_core_schema__
    held = {one["ref"]: one for one in schema.get("definitions", ())}
    whole = schema["schema"] if schema["type"] == "definitions" else schema
    whole = held.get(whole.get("schema_ref"), whole)
    fields = whole["schema"]["fields"]
    lines = [f"class {part.__name__}(Part):", f'    """{part.__doc__}"""', ""]
    lines += [f"    {name}: {annotation(name, info)}" for name, info in part.model_fields.items()]
    shapes = [f'        "{name}": {field_kind(part, name, fields[name], held)},' for name in part.model_fields]
    needed = tuple(name for name, info in part.model_fields.items() if info.is_required())
    lines += [
        "",
        "    kinds: ClassVar[dict[str, Kind]] = {",
        *shapes,
        "    }",
        *([f"    required = {needed!r}"] if needed else []),
    ]
    return "\n".join(lines) + "\n"


def annotation(name: str, info: FieldInfo) -> str:
    return written(info.annotation) + ("" if info.is_required() else " = None")


def written(of: Any) -> str:
    """A type as it is written, without what pydantic alone reads."""
    origin, inner = get_origin(of), get_args(of)
    if origin is Annotated:
        return written(inner[0])
    if origin in (Union, types.UnionType):
        return " | ".join(dict.fromkeys(written(one) for one in inner))
    if origin is Literal:
        return f"Literal[{', '.join(repr(one) for one in inner)}]"
    if origin in (list, dict):
        return f"{origin.__name__}[{', '.join(written(one) for one in inner)}]"
    return "None" if of is types.NoneType else "Any" if of is Any else str(of.__name__)


def field_kind(part: type[Part], name: str, field: dict[str, Any], held: dict[str, Any]) -> str:
    """The kind of a field; one that may be left out is None then, and may be None."""
    schema = field["schema"]
    if part.model_fields[name].is_required():
        return kind(schema, held)
    assert schema["type"] == "default" and schema["default"] is None, f"{part.__name__}.{name}: its default is None"
    assert schema["schema"]["type"] == "nullable", f"{part.__name__}.{name} may be None"
    return kind(schema["schema"]["schema"], held)


def kind(schema: dict[str, Any], held: dict[str, Any]) -> str:
    """A core schema in the words of `kinds.py`."""
    name = schema["type"]
    if name in KINDS:
        return f"{KINDS[name].__name__}({limits(schema, LIMITS[name])})"
    if name == "literal":
        only(schema, "expected")
        return f"OneOf({', '.join(repr(one) for one in schema['expected'])})"
    if name == "list":
        told = limits({k: v for k, v in schema.items() if k != "items_schema"}, ("min_length", "max_length"))
        return f"ListOf({kind(schema['items_schema'], held)}{', ' + told if told else ''})"
    if name == "dict":
        only(schema, "keys_schema", "values_schema")
        return f"MapOf({kind(schema['keys_schema'], held)}, {kind(schema['values_schema'], held)})"
    if name == "union":
        only(schema, "choices")
        return f"Either({', '.join(kind(one, held) for one in schema['choices'])})"
    if name == "function-before":
        only(schema, "function", "schema")
        return f"Short({form(schema['function']['function'])}, {kind(schema['schema'], held)})"
    if name == "definition-ref":
        return kind(held[schema["schema_ref"]], held)
    if name == "model" and issubclass(schema["cls"], Part):
        return f"PartOf({schema['cls'].__name__})"
    raise SystemExit(f"scripts/parts.py has no kind for pydantic's {name}; give it one in recipe/kinds.py")


def limits(schema: dict[str, Any], allowed: tuple[str, ...]) -> str:
    only(schema, *allowed)
    told = {name: schema[name] for name in allowed if schema.get(name) is not None}
    if "pattern" in told:
        pattern = told["pattern"]
        assert pattern[0] == "^" and pattern[-1] == "$" and "\\" not in pattern, f"{pattern}: ^...$, in plain ASCII"
        told["pattern"] = pattern[1:-1]
    return ", ".join(f"{name}={value!r}" for name, value in told.items())


def only(schema: dict[str, Any], *known: str) -> None:
    """What a schema says and this file has no word for ends the writing."""
    more = {name for name, value in schema.items() if value is not None} - {*known, *IGNORED}
    if more:
        raise SystemExit(f"scripts/parts.py does not know {', '.join(sorted(more))} of pydantic's {schema['type']}")


def form(function: Any) -> str:
    if isinstance(function, short_forms.ShortForm):
        return repr(function)
    assert function.__module__ == short_forms.__name__, f"{function.__name__} has to stand in recipe/short_forms.py"
    return str(function.__name__)


def main() -> None:
    """Write them all; scripts/docs.py does so too, where the package loads already."""
    root = Path(__file__).parent.parent
    for file, text in files().items():
        (root / file).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
