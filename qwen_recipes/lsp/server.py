"""The server: what the modules beside this one know, in the protocol's words."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from qwen_recipes import __version__
from qwen_recipes.finding import Finding, Span
from qwen_recipes.lsp.completion import Completion, find_completions
from qwen_recipes.lsp.hover import build_hover
from qwen_recipes.lsp.linted_document import DocumentKind, LintedDocument, lint_document
from qwen_recipes.lsp.message_input import MessageInput
from qwen_recipes.lsp.quick_fixes import QuickFix, apply_safe_fixes, build_quick_fixes

if TYPE_CHECKING:
    from lsprotocol import types
    from pygls.lsp.server import LanguageServer
    from pygls.workspace import TextDocument

_SOURCE = "recipes"
_SHOWN = 300
"""Characters of a logged message, which may hold a whole document."""


def serve_stdio(report: Callable[[str], None]) -> None:
    """Answer an editor over standard input and output until it says exit; `report` is given each line of the log."""
    logging.getLogger().addHandler(_LineHandler(report))
    build_server().start_io(cast("BinaryIO", MessageInput(sys.stdin.buffer, report)))


class _LineHandler(logging.Handler):
    """What libraries log from warnings on, in a line each and without tracebacks."""

    def __init__(self, report: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self.report = report

    def emit(self, record: logging.LogRecord) -> None:
        """Report a message, with the error that it is about."""
        error = record.exc_info[1] if record.exc_info else None
        said = [_drop_traceback(record.getMessage()), f"{type(error).__name__}: {error}" if error else ""]
        self.report(": ".join(" ".join(one.split())[:_SHOWN] for one in said if one))


def _drop_traceback(text: str) -> str:
    """A message without the traceback that pygls writes into it; the last line says what the error is."""
    said, found, trace = text.partition("Traceback (most recent call last)")
    if not found:
        return text
    return f"{said.rstrip(' +|').removesuffix('Exception Group').strip()}: {trace.strip(' -+|').splitlines()[-1]}"


def build_server() -> LanguageServer:
    """The server with its features."""
    from lsprotocol import types
    from pygls.lsp.server import LanguageServer

    server = LanguageServer("recipes", __version__)
    open_documents = _OpenDocuments(server)
    for name in (types.TEXT_DOCUMENT_DID_OPEN, types.TEXT_DOCUMENT_DID_CHANGE, types.TEXT_DOCUMENT_DID_SAVE):
        server.feature(name)(_wrap_method(open_documents.publish_diagnostics))
    server.feature(types.TEXT_DOCUMENT_DID_CLOSE)(_wrap_method(open_documents.close))
    server.feature(types.TEXT_DOCUMENT_HOVER)(_wrap_method(open_documents.hover))
    triggers = types.CompletionOptions(trigger_characters=[":", " ", "{", "["])
    server.feature(types.TEXT_DOCUMENT_COMPLETION, triggers)(_wrap_method(open_documents.complete))
    kinds = types.CodeActionOptions([types.CodeActionKind.QuickFix, types.CodeActionKind.SourceFixAll])
    server.feature(types.TEXT_DOCUMENT_CODE_ACTION, kinds)(_wrap_method(open_documents.list_code_actions))
    return server


def _wrap_method(method: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A method as a plain function: pygls writes attributes on what it is given.

    It also reads annotations: a first parameter whose type a server is an instance of would get the server.
    """

    def answer(params: Any) -> Any:
        return method(params)

    return answer


class _OpenDocuments:
    """The documents that the editor has open, each with what was said of its newest text."""

    def __init__(self, server: LanguageServer) -> None:
        self.server = server
        self.linted_documents: dict[str, LintedDocument] = {}
        self.shown_warnings: set[str] = set()

    def publish_diagnostics(self, params: Any) -> None:
        """Judge a document that was opened, changed or saved, and publish what was found."""
        from lsprotocol import types

        uri = params.text_document.uri
        document = self._get_text_document(uri)
        judged = self._lint_current_text(uri)
        self._warn_once(judged.settings_error)
        found = [to_diagnostic(document, finding) for finding in judged.findings]
        found += [_note_unjudged(document, judged)] if judged.unjudged else []
        self.server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri=uri, version=document.version, diagnostics=found)
        )

    def close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Forget a document, and take its diagnostics away."""
        from lsprotocol import types

        uri = params.text_document.uri
        self.linted_documents.pop(uri, None)
        self.server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri=uri, diagnostics=[]))

    def hover(self, params: types.HoverParams) -> types.Hover | None:
        """A guard's page, a field's description, or both."""
        from lsprotocol import types

        document, judged = self._lint_if_kind(params.text_document.uri, "recipe", "native")
        if judged is None:
            return None
        at = document.position_from_client_units(params.position)
        found = build_hover(judged, at.line, at.character)
        if found is None:
            return None
        markdown = types.MarkupContent(types.MarkupKind.Markdown, found.markdown)
        return types.Hover(markdown, _to_lsp_range(document, found.span))

    def complete(self, params: types.CompletionParams) -> list[types.CompletionItem]:
        """Fields and values of the spec."""
        document, judged = self._lint_if_kind(params.text_document.uri)
        if judged is None:
            return []
        at = document.position_from_client_units(params.position)
        found = find_completions(judged.lines, at.line, at.character)
        return [
            _to_completion_item(document, offer, number, at.line, at.character) for number, offer in enumerate(found)
        ]

    def list_code_actions(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        """Quick fixes of what was found in a range, and every safe fix of the document at once."""
        document, judged = self._lint_if_kind(params.text_document.uri)
        if judged is None:
            return []
        first, last = params.range.start.line + 1, params.range.end.line + 1
        near = [f for f in judged.findings if f.span and f.span.line <= last and first <= f.span.end_line]
        found = [_to_code_action(document, judged, change) for change in build_quick_fixes(judged, near)]
        fixed = apply_safe_fixes(judged)
        return [*found, *([_build_fix_all_action(document, judged, fixed)] if fixed is not None else [])]

    def _lint_if_kind(self, uri: str, *kinds: DocumentKind) -> tuple[TextDocument, LintedDocument | None]:
        judged = self._lint_current_text(uri)
        return self._get_text_document(uri), judged if judged.kind in (kinds or ("recipe",)) else None

    def _lint_current_text(self, uri: str) -> LintedDocument:
        """What was said of the document's text as it is now; judged again only where it changed."""
        document = self._get_text_document(uri)
        known = self.linted_documents.get(uri)
        if known is None or known.text != document.source:
            known = self.linted_documents[uri] = lint_document(_get_document_path(document), document.source)
        return known

    def _get_text_document(self, uri: str) -> TextDocument:
        """An open document. One that is not is empty: pygls would read it from the disk, whatever lies there."""
        from pygls.workspace import TextDocument

        workspace = self.server.workspace
        if uri in workspace.text_documents:
            return workspace.get_text_document(uri)
        return TextDocument(uri, "")

    def _warn_once(self, message: str) -> None:
        """Tell once that settings can't be read."""
        from lsprotocol import types

        if message and message not in self.shown_warnings:
            self.shown_warnings.add(message)
            self.server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, message))


def _get_document_path(document: TextDocument) -> Path:
    """Where the document lies, or would lie: one that was never saved is taken to be in the current folder."""
    return Path(document.path or document.uri.rpartition("/")[2].rpartition(":")[2] or "untitled.recipe.yaml")


def _to_lsp_range(document: TextDocument, span: Span | None) -> types.Range:
    from pygls.workspace import ServerTextPosition, ServerTextRange

    span = span or Span(1, 1, 1, 1)
    start = ServerTextPosition(span.line - 1, span.column - 1)
    end = ServerTextPosition(span.end_line - 1, span.end_column - 1)
    return document.range_to_client_units(ServerTextRange(start, end))


def to_diagnostic(document: TextDocument, finding: Finding) -> types.Diagnostic:
    """A finding as the editor is sent it."""
    from lsprotocol import types

    levels = {
        "error": types.DiagnosticSeverity.Error,
        "warning": types.DiagnosticSeverity.Warning,
        "advice": types.DiagnosticSeverity.Information,
    }
    said = [finding.message, finding.why, f"help: {finding.suggestion}" if finding.suggestion else ""]
    return types.Diagnostic(
        range=_to_lsp_range(document, finding.span),
        message="\n".join(filter(None, said)),
        severity=levels[finding.severity],
        code=finding.code,
        source=_SOURCE,
    )


def _note_unjudged(document: TextDocument, linted: LintedDocument) -> types.Diagnostic:
    """Which guards could not look, where the document names its model."""
    from lsprotocol import types

    keys = ("model:", "base_model:", "model_name_or_path:", "model_id:")
    line = next((number for number, text in enumerate(linted.lines, 1) if text.startswith(keys)), 1)
    span = Span(line, 1, line, len(linted.lines[line - 1]) + 1)
    severity = types.DiagnosticSeverity.Information
    return types.Diagnostic(_to_lsp_range(document, span), linted.unjudged, severity=severity, source=_SOURCE)


def _to_completion_item(
    document: TextDocument, completion: Completion, index: int, line: int, column: int
) -> types.CompletionItem:
    from lsprotocol import types

    span = Span(line + 1, column + 1 - completion.replaced_length, line + 1, column + 1)
    kinds = {"field": types.CompletionItemKind.Field, "value": types.CompletionItemKind.EnumMember}
    return types.CompletionItem(
        label=completion.label,
        kind=kinds[completion.kind],
        documentation=types.MarkupContent(types.MarkupKind.Markdown, completion.meaning)
        if completion.meaning
        else None,
        sort_text=f"{index:04}",
        text_edit=types.TextEdit(_to_lsp_range(document, span), completion.text),
    )


def _to_code_action(document: TextDocument, linted: LintedDocument, quick_fix: QuickFix) -> types.CodeAction:
    from lsprotocol import types

    return types.CodeAction(
        title=quick_fix.title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[to_diagnostic(document, quick_fix.finding)],
        is_preferred=quick_fix.preferred,
        edit=_build_workspace_edit(document, linted.text, quick_fix.text),
    )


def _build_fix_all_action(document: TextDocument, linted: LintedDocument, text: str) -> types.CodeAction:
    from lsprotocol import types

    title, kind = "Fix everything that can be fixed safely", types.CodeActionKind.SourceFixAll
    return types.CodeAction(title=title, kind=kind, edit=_build_workspace_edit(document, linted.text, text))


def _build_workspace_edit(document: TextDocument, before: str, after: str) -> types.WorkspaceEdit:
    """The lines that differ, replaced."""
    from lsprotocol import types

    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    start, end = _count_equal_lines(old, new)
    span = Span(start + 1, 1, len(old) - end + 1, 1)
    text = "".join(new[start : len(new) - end])
    return types.WorkspaceEdit(changes={document.uri: [types.TextEdit(_to_lsp_range(document, span), text)]})


def _count_equal_lines(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many lines are the same at the beginning and at the end."""
    shorter = min(len(old), len(new))
    start = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    end = next((i for i in range(shorter - start) if old[-1 - i] != new[-1 - i]), shorter - start)
    return start, end
