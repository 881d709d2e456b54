"""A language client, small: JSON-RPC with a server's standard input and output."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from pathlib import Path
from typing import IO, Any

SECONDS = 60.0
CAPABILITIES = {
    "textDocument": {
        "synchronization": {"didSave": True},
        "hover": {"contentFormat": ["markdown", "plaintext"]},
        "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown", "plaintext"]}},
        "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix", "source.fixAll"]}}},
        "publishDiagnostics": {"versionSupport": True},
    },
    "workspace": {"configuration": True, "workspaceFolders": True},
}


class LanguageClient:
    """Starts a server, opens documents in it, and asks. Use it as a context."""

    def __init__(
        self, command: list[str], folder: Path, settings: dict[str, Any] | None = None, log: IO[bytes] | None = None
    ) -> None:
        self.folder, self.settings = folder, settings or {}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, cwd=folder)
        self.number = 0
        self.versions: dict[str, int] = {}
        self.texts: dict[str, str] = {}
        self.answers: dict[int, dict[str, Any]] = {}
        self.diagnostics: dict[str, tuple[int | None, list[dict[str, Any]]]] = {}
        self.server_messages: list[str] = []
        self.incoming: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> LanguageClient:
        root = self.folder.as_uri()
        self.capabilities = self.request(
            "initialize",
            processId=None,
            rootUri=root,
            capabilities=CAPABILITIES,
            workspaceFolders=[{"uri": root, "name": "root"}],
        )["capabilities"]
        self.notify("initialized")
        self.notify("workspace/didChangeConfiguration", settings=self.settings)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.request("shutdown")
            self.notify("exit")
            self.code = self.process.wait(SECONDS)
        finally:
            self.process.kill()
            self.process.wait()

    def open(self, name: str, text: str) -> str:
        """Open a document of this text, which need not be on the disk. Its uri."""
        uri = (self.folder / name).as_uri()
        self.versions[uri], self.texts[uri] = 1, text
        self.notify("textDocument/didOpen", textDocument={"uri": uri, "languageId": "yaml", "version": 1, "text": text})
        return uri

    def change(self, uri: str, text: str) -> None:
        """Replace the document's text."""
        self.versions[uri] += 1
        self.texts[uri] = text
        document = {"uri": uri, "version": self.versions[uri]}
        self.notify("textDocument/didChange", textDocument=document, contentChanges=[{"text": text}])

    def wait_for_diagnostics(self, uri: str) -> list[dict[str, Any]]:
        """Diagnostics of the document's newest version."""
        self._wait_until(lambda: uri in self.diagnostics and self.diagnostics[uri][0] in (None, self.versions[uri]))
        return self.diagnostics.pop(uri)[1]

    def list_completions(self, uri: str, line: int, character: int) -> dict[str, dict[str, Any]]:
        """What is offered at a place (from 0), by label."""
        found = self.request("textDocument/completion", **self._position_params(uri, line, character)) or []
        items = found["items"] if isinstance(found, dict) else found
        return {item["label"]: item for item in items}

    def hover_text(self, uri: str, word: str) -> str:
        """The hover text over the first `word` of the document; empty where there is none."""
        line, character = self.find_position(uri, word)
        found = self.request("textDocument/hover", **self._position_params(uri, line, character))
        return found["contents"]["value"] if found else ""

    def find_position(self, uri: str, word: str) -> tuple[int, int]:
        """Line and character, from 0, of the last letter of the first `word`, which may start with a line's break."""
        text = self.texts[uri]
        before = text[: text.index(word) + len(word)].split("\n")
        return len(before) - 1, len(before[-1]) - 1

    def request(self, method: str, **params: Any) -> Any:
        """A request's result."""
        self.number += 1
        number = self.number
        self._send({"id": number, "method": method, "params": params} if params else {"id": number, "method": method})
        self._wait_until(lambda: number in self.answers)
        answer = self.answers.pop(number)
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def notify(self, method: str, **params: Any) -> None:
        """A notification."""
        self._send({"method": method, "params": params})

    def _position_params(self, uri: str, line: int, character: int) -> dict[str, Any]:
        return {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def _listen(self) -> None:
        stream = self.process.stdout
        assert stream
        while header := stream.readline():
            length = 0
            while header.strip():
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
                header = stream.readline()
            self.incoming.put(json.loads(stream.read(length)))
        self.incoming.put(None)

    def _wait_until(self, ready: Any) -> None:
        end = time.monotonic() + SECONDS
        while not ready():
            try:
                message = self.incoming.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no answer in {SECONDS} s; the server said {self.server_messages}") from None
            assert message is not None, f"the server ended; it said {self.server_messages}"
            self._dispatch(message)

    def _dispatch(self, message: dict[str, Any]) -> None:
        method, params = message.get("method"), message.get("params") or {}
        if method is None:
            self.answers[message["id"]] = message
        elif method == "textDocument/publishDiagnostics":
            self.diagnostics[params["uri"]] = (params.get("version"), params["diagnostics"])
        elif method in ("window/showMessage", "window/logMessage"):
            self.server_messages.append(params["message"])
        elif "id" in message:
            asked = (
                [item.get("section") for item in params.get("items", [])]
                if method == "workspace/configuration"
                else None
            )
            self._send({"id": message["id"], "result": [self.settings.get(name) for name in asked] if asked else None})
