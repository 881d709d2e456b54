"""The process that compiles and renders chat templates which Qwen did not publish; `template_process` starts it.

It has no environment variables, stands in the root folder, and sets its own limits before it reads a template: memory,
processor time for each request, no file to be opened or written, no other process. One request a line comes in as
JSON, one answer a line goes out:

    {"compile": text, "seconds": n}        -> {}
    {"render": variables, "seconds": n}    -> {"text": text}

or, where it can't be done, why: {"syntax": why}, {"limit": why} (too much of something) or {"error": why}.
"""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template

LAZILY_IMPORTED = ("jinja2.debug", "jinja2.constants", "pprint", "html", "time", "_strptime", "unicodedata", "calendar")
"""What Jinja2 and datetime import while they render: no file can be opened then."""
MAX_TEXT = 64 << 20
"""Characters of a rendered conversation, at most."""


def serve(memory: int) -> None:
    """Answer requests until there are no more; `memory` in bytes is what the process may take."""
    from qwen_recipes.qwen.jinja_sandbox import get_environment

    get_environment().from_string("{{ [1]|tojson }}{{ strftime_now('%d %B') }}").render()
    for module in LAZILY_IMPORTED:
        import_module(module)
    limit_process(memory)
    template: Template | None = None
    for line in sys.stdin.buffer:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, request["seconds"])  # SIGPROF ends the process
        if "compile" in request:
            template, answer = _compile(request["compile"])
        else:
            answer = _render(template, request["render"])
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


def limit_process(memory: int) -> None:
    """Set limits that only a privileged process can lift again. Those that a system does not have are left out."""
    wanted = {"RLIMIT_AS": memory, "RLIMIT_FSIZE": 0, "RLIMIT_NOFILE": 0, "RLIMIT_NPROC": 0, "RLIMIT_CORE": 0}
    for name, value in wanted.items():
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (value, value))


def _compile(text: str) -> tuple[Template | None, dict[str, str]]:
    from jinja2 import TemplateSyntaxError

    from qwen_recipes.qwen.jinja_sandbox import get_environment

    try:
        return get_environment().from_string(text), {}
    except TemplateSyntaxError as problem:
        return None, {"syntax": f"line {problem.lineno}: {problem.message}"}
    except Exception as problem:
        return None, _describe(problem)


def _render(template: Template | None, variables: dict[str, object]) -> dict[str, str]:
    if template is None:
        return {"error": "the template was not compiled"}
    try:
        text = template.render(variables)
    except Exception as problem:
        return _describe(problem)
    if len(text) > MAX_TEXT:
        return {"limit": f"it gives more than {MAX_TEXT >> 20} MiB of text"}
    return {"text": text}


def _describe(problem: Exception) -> dict[str, str]:
    if isinstance(problem, RecursionError) or "too many statically nested" in str(problem):
        return {"limit": "it is nested too deeply"}
    if isinstance(problem, MemoryError):
        return {"limit": "it needs too much memory (RECIPES_TEMPLATE_MIB)"}
    return {"limit" if isinstance(problem, OverflowError) else "error": str(problem) or type(problem).__name__}
