"""Import a framework once, then parse one config per line of stdin: `python -m parsers.worker axolotl`.

Protocol, one JSON object a line. Out, first: {"ready": true, "version": …}. In: {"config": path, "cwd": folder,
"gpus": n, "assume_gpu": bool, "model_config": folder or null, "env": {…}, "command": word or null}. Out, for each:
{"ok": true, "arguments": {…}, "raw": {…}} or {"ok": false, "error_type": …, "error": …}. Whatever a framework prints
goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from importlib import import_module
from types import ModuleType
from typing import Any, TextIO

ProtocolMessage = dict[str, Any]


def open_protocol_stream() -> TextIO:
    """The stdout the parent reads; from here on file descriptor 1 is stderr."""
    stream = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    return stream


def parse_config(framework: ModuleType, request: ProtocolMessage) -> ProtocolMessage:
    """What the framework makes of one config; every exception is the framework's refusal."""
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    try:
        arguments, raw = framework.parse(request)
    except BaseException as refusal:
        traceback.print_exc()
        return {"ok": False, "error_type": type(refusal).__name__, "error": str(refusal)}
    return {"ok": True, "arguments": arguments, "raw": raw}


def parse_in_fork(framework: ModuleType, request: ProtocolMessage) -> str:
    """The answer of a child of this process, which has the framework imported already and keeps nothing behind."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w", encoding="utf-8") as pipe:
            pipe.write(json.dumps(parse_config(framework, request), sort_keys=True, default=str))
        sys.stderr.flush()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    return text or json.dumps({"ok": False, "error_type": "Crash", "error": f"wait status {status}"})


def main(name: str) -> None:
    """Serve configs of one framework until stdin ends."""
    stream = open_protocol_stream()
    framework = import_module(f"{__package__}.{name}")
    print(json.dumps({"ready": True, "version": framework.load()}), file=stream)
    for line in sys.stdin:
        print(parse_in_fork(framework, json.loads(line)), file=stream)


if __name__ == "__main__":
    sys.path.pop(0)
    main(sys.argv[1])
