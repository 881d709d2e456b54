"""What a framework itself makes of a config: its own parser, kept warm in its own environment."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

START_TIMEOUT = 300.0
"""Seconds a framework may take to be imported."""
PARSE_TIMEOUT = 120.0
"""Seconds one config may take."""
MAX_STDERR_LINES = 40


class ParserCrashed(RuntimeError):
    """The framework's process ended, or did not answer in time; the message holds what it last said."""


@dataclass(frozen=True)
class ParsedConfig:
    """A config as the framework resolved it, or its refusal.

    `arguments` has the same names and units for every framework (`parsers/common_arguments.py`); `raw` has the
    framework's.
    """

    ok: bool
    arguments: Mapping[str, Any] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None


class FrameworkParser:
    """One framework's parser, started when it is first asked and ended with the `with` block.

    Raises ParserCrashed from `parse` and `version` where the framework's process does not answer.
    """

    def __init__(self, backend_name: str, interpreter: Path) -> None:
        self.backend_name = backend_name
        self.interpreter = interpreter
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._stderr_lines: deque[str] = deque(maxlen=MAX_STDERR_LINES)
        self._version = ""

    def __enter__(self) -> FrameworkParser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def version(self) -> str:
        """The framework's version as it reports itself."""
        self._ensure_started()
        return self._version

    def parse(
        self,
        config: Path,
        cwd: Path,
        gpus: int = 1,
        assume_gpu: bool = True,
        model_config: Path | None = None,
        env: Mapping[str, str] | None = None,
        command: str | None = None,
    ) -> ParsedConfig:
        """Let the framework parse `config` in `cwd`, as one of `gpus` processes on one host.

        `assume_gpu` says that bfloat16 GPUs are there; `model_config` is a folder with the config.json that stands in
        for a model not on disk. `command` is the framework's subcommand where it has several (`sft`, `pt`, `rlhf`).
        """
        request = {
            "config": str(config.absolute()),
            "cwd": str(cwd.absolute()),
            "gpus": gpus,
            "assume_gpu": assume_gpu,
            "model_config": None if model_config is None else str(model_config.absolute()),
            "env": dict(env or {}),
            "command": command,
        }
        found = self._send_request(request)
        error = None if found["ok"] else f"{found['error_type']}: {found['error']}"
        return ParsedConfig(found["ok"], found.get("arguments", {}), found.get("raw", {}), error)

    def close(self) -> None:
        """End the framework's process and all it started."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _send_request(self, request: Mapping[str, Any]) -> dict[str, Any]:
        process = self._ensure_started()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            raise self._crash_error("ended") from None
        return self._wait_for_answer(PARSE_TIMEOUT)

    def _ensure_started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._lines, self._stderr_lines = queue.Queue(), deque(maxlen=MAX_STDERR_LINES)
            self._process = self._spawn_process()
            self._version = str(self._wait_for_answer(START_TIMEOUT)["version"])
        return self._process

    def _spawn_process(self) -> subprocess.Popen[str]:
        module = self.backend_name.replace("-", "_")
        process = subprocess.Popen(
            [str(self.interpreter), "-m", "parsers.worker", module],
            cwd=Path(__file__).parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        for target in (self._read_answers, self._read_errors):
            threading.Thread(target=target, args=(process,), daemon=True).start()
        return process

    def _read_answers(self, process: subprocess.Popen[str]) -> None:
        lines = self._lines
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    def _read_errors(self, process: subprocess.Popen[str]) -> None:
        said = self._stderr_lines
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line.rstrip())

    def _wait_for_answer(self, seconds: float) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            raise self._crash_error(f"did not answer within {seconds:.0f} s") from None
        if line is None:
            raise self._crash_error("ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _crash_error(self, event: str) -> ParserCrashed:
        self.close()
        said = "\n".join(self._stderr_lines)
        return ParserCrashed(f"the parser of {self.backend_name} ({self.interpreter}) {event}:\n{said}")
