"""Chat templates that Qwen did not publish, compiled and rendered in a process of their own with limits."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.qwen.template_hash import hash_template

PACKAGE_FOLDER = Path(__file__).resolve().parents[2]
START = "import sys; sys.path[:0] = sys.argv[2:]; from qwen_recipes.qwen.template_worker import serve; serve(int(sys.argv[1]))"  # noqa: E501
MAX_MESSAGE = 400
"""Characters of what a template says is wrong."""
MAX_STOPS = 3
"""How often a template may be stopped before it is not rendered again."""


def _read_number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() and 0 < len(text) < 6 and int(text) else default


MAX_SECONDS = _read_number("RECIPES_TEMPLATE_SECONDS", 5)
"""Processor time of one rendering."""
MAX_MEMORY = _read_number("RECIPES_TEMPLATE_MIB", 768) << 20
"""Bytes that the process may take, the interpreter's own among them."""
MAX_MEAN_SECONDS = MAX_SECONDS / 50
"""Of all renderings of a template, by the clock, once they took WAITED_SECONDS together: a slow one ends, too."""
WAITED_SECONDS = 12 * MAX_SECONDS
"""Until a process is given up that gets no processor time."""


class TemplateProcessError(QwenRecipesError):
    """A template that can't be compiled or rendered, and why."""


class TemplateLimitError(TemplateProcessError):
    """A template that takes more time, memory, depth or text than it may."""


class TemplateSyntaxProblem(TemplateProcessError):
    """A text that is no Jinja template; the message begins with the line."""


class TemplateProcess:
    """The process, started when it is first needed and again after it was stopped."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.compiled = ""
        self.refused: dict[str, TemplateProcessError] = {}
        self.stops: Counter[str] = Counter()
        self.rendered: Counter[str] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def compile(self, text: str) -> None:
        """See whether this is a template. Raises TemplateProcessError; the same at once when it is asked again."""
        with self.lock:
            self._load(text)

    def render(self, text: str, variables: Mapping[str, object]) -> str:
        """The template's text with these variables, which must be JSON. Raises TemplateProcessError."""
        with self.lock:
            self._load(text)
            began = time.monotonic()
            answer = self._exchange({"render": variables}, text)
            self._count_time(text, time.monotonic() - began)
            _raise_problem(answer)
            return answer["text"]

    def _count_time(self, text: str, seconds: float) -> None:
        """Refuse a template from here on that is slow for each of many conversations."""
        key = hash_template(text)
        self.rendered[key] += 1
        self.seconds[key] += seconds
        if self.seconds[key] > max(WAITED_SECONDS, MAX_MEAN_SECONDS * self.rendered[key]):
            mean = self.seconds[key] / self.rendered[key]
            self.refused[key] = TemplateLimitError(
                f"it takes {mean:.1f} s a conversation, and {self.seconds[key]:.0f} s so far (RECIPES_TEMPLATE_SECONDS)"
            )

    def _load(self, text: str) -> None:
        key = hash_template(text)
        if key in self.refused:
            raise self.refused[key]
        if self.compiled == text and self.process is not None and self.process.poll() is None:
            return
        self.compiled = ""
        try:
            answer = self._exchange({"compile": text}, text)
            _raise_problem(answer)
        except TemplateProcessError as problem:
            self.refused[key] = problem
            raise
        self.compiled = text

    def _exchange(self, request: dict[str, object], text: str) -> dict[str, str]:
        """One request and its answer; whatever goes wrong on the way ends the process."""
        try:
            line = json.dumps(request | {"seconds": MAX_SECONDS}).encode() + b"\n"
        except (TypeError, ValueError, RecursionError) as problem:
            raise TemplateProcessError(f"a value is not JSON: {problem}") from None
        process = self._start()
        try:
            answer: dict[str, str] = json.loads(_send(process, line))
        except BaseException as problem:
            process.kill()
            code = process.wait()
            self.process, self.compiled = None, ""
            if not isinstance(problem, (OSError, EOFError)):
                raise
            raise self._count_stop(text, _explain_end(code)) from None
        return answer

    def _count_stop(self, text: str, why: str) -> TemplateProcessError:
        key, problem = hash_template(text), TemplateLimitError(why)
        self.stops[key] += 1
        if self.stops[key] >= MAX_STOPS:
            self.refused[key] = problem
        return problem

    def _start(self) -> subprocess.Popen[bytes]:
        if self.process is None or self.process.poll() is not None:
            self.compiled = ""
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-B", "-c", START, str(MAX_MEMORY), *_list_import_folders()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
            )
        return self.process


def _raise_problem(answer: Mapping[str, str]) -> None:
    for name, kind in _PROBLEMS.items():
        if name in answer:
            raise kind(answer[name][:MAX_MESSAGE])


_PROBLEMS = {"syntax": TemplateSyntaxProblem, "limit": TemplateLimitError, "error": TemplateProcessError}


def get_template_process() -> TemplateProcess:
    """The one of this process: a forked child gets its own."""
    if os.getpid() not in _PROCESSES:
        _PROCESSES[os.getpid()] = TemplateProcess()
    return _PROCESSES[os.getpid()]


_PROCESSES: dict[int, TemplateProcess] = {}


def _list_import_folders() -> list[str]:
    """Where this package and Jinja2 are imported from, also if only PYTHONPATH says so."""
    import jinja2
    import markupsafe

    folders = [PACKAGE_FOLDER, *(Path(str(module.__file__)).resolve().parents[1] for module in (jinja2, markupsafe))]
    return list(dict.fromkeys(map(str, folders)))


def _send(process: subprocess.Popen[bytes], line: bytes) -> bytes:
    """The line that answers a line. Raises OSError or EOFError where the process ended or takes too long."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(line)
    process.stdin.flush()
    end = time.monotonic() + WAITED_SECONDS
    parts: list[bytes] = []
    while not (parts and parts[-1].endswith(b"\n")):
        ready, _, _ = select.select([process.stdout], [], [], max(0, end - time.monotonic()))
        if not ready:
            raise TimeoutError
        parts.append(os.read(process.stdout.fileno(), 1 << 20))
        if not parts[-1]:
            process.wait()
            raise EOFError
    return b"".join(parts)


def _explain_end(code: int) -> str:
    if code in (-signal.SIGPROF, -signal.SIGKILL):
        return f"it takes longer than {MAX_SECONDS} s (RECIPES_TEMPLATE_SECONDS)"
    if code in (-signal.SIGSEGV, -signal.SIGBUS):
        return "it is nested too deeply"
    return f"it needs more than {MAX_MEMORY >> 20} MiB of memory (RECIPES_TEMPLATE_MIB)"
