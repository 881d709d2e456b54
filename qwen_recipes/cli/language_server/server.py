"""The server: what the modules beside this one know, in the protocol's words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwen_recipes import __version__
from qwen_recipes.cli.language_server.complete import Offer, offers
from qwen_recipes.cli.language_server.hover import hover
from qwen_recipes.cli.language_server.judged import Judged, Kind, judge
from qwen_recipes.cli.language_server.quickfix import Change, all_fixed, changes
from qwen_recipes.recipe.finding import Finding, Span

if TYPE_CHECKING:
    from lsprotocol import types
    from pygls.lsp.server import LanguageServer
    from pygls.workspace import TextDocument

_SOURCE = "recipes"


def serve() -> None:
    """Answer an editor over standard input and output until it says exit."""
    build().start_io()


def build() -> LanguageServer:
    """The server with its features."""
    from lsprotocol import types
    from pygls.lsp.server import LanguageServer

    server = LanguageServer("recipes", __version__)
    open_documents = _Open(server)
    for name in (types.TEXT_DOCUMENT_DID_OPEN, types.TEXT_DOCUMENT_DID_CHANGE, types.TEXT_DOCUMENT_DID_SAVE):
        server.feature(name)(_function(open_documents.judge))
    server.feature(types.TEXT_DOCUMENT_DID_CLOSE)(_function(open_documents.close))
    server.feature(types.TEXT_DOCUMENT_HOVER)(_function(open_documents.hover))
    triggers = types.CompletionOptions(trigger_characters=[":", " ", "{", "["])
    server.feature(types.TEXT_DOCUMENT_COMPLETION, triggers)(_function(open_documents.complete))
    kinds = types.CodeActionOptions([types.CodeActionKind.QuickFix, types.CodeActionKind.SourceFixAll])
    server.feature(types.TEXT_DOCUMENT_CODE_ACTION, kinds)(_function(open_documents.act))
    return server


def _function(method: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A method as a plain function: pygls writes attributes on what it is given."""

    def answer(params: Any) -> Any:
        return method(params)

    return answer


class _Open:
    """The documents that the editor has open, each with what was said of its newest text."""

    def __init__(self, server: LanguageServer) -> None:
        self.server = server
        self.judged: dict[str, Judged] = {}
        self.complained: set[str] = set()

    def judge(self, params: Any) -> None:
        """Judge a document that was opened, changed or saved, and publish what was found."""
        from lsprotocol import types

        uri = params.text_document.uri
        document = self._text(uri)
        judged = self._newest(uri)
        self._complain(judged.complaint)
        found = [diagnostic(document, finding) for finding in judged.findings]
        self.server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri=uri, version=document.version, diagnostics=found)
        )

    def close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Forget a document, and take its diagnostics away."""
        from lsprotocol import types

        uri = params.text_document.uri
        self.judged.pop(uri, None)
        self.server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri=uri, diagnostics=[]))

    def hover(self, params: types.HoverParams) -> types.Hover | None:
        """A guard's page, a field's description, or both."""
        from lsprotocol import types

        document, judged = self._ours(params.text_document.uri, "recipe", "native")
        if judged is None:
            return None
        at = document.position_from_client_units(params.position)
        found = hover(judged, at.line, at.character)
        if found is None:
            return None
        markdown = types.MarkupContent(types.MarkupKind.Markdown, found.markdown)
        return types.Hover(markdown, _range(document, found.span))

    def complete(self, params: types.CompletionParams) -> list[types.CompletionItem]:
        """Fields and values of the spec."""
        document, judged = self._ours(params.text_document.uri)
        if judged is None:
            return []
        at = document.position_from_client_units(params.position)
        found = offers(judged.lines, at.line, at.character)
        return [_item(document, offer, number, at.line, at.character) for number, offer in enumerate(found)]

    def act(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        """Quick fixes of what was found in a range, and every safe fix of the document at once."""
        document, judged = self._ours(params.text_document.uri)
        if judged is None:
            return []
        first, last = params.range.start.line + 1, params.range.end.line + 1
        near = [f for f in judged.findings if f.span and f.span.line <= last and first <= f.span.end_line]
        found = [_action(document, judged, change) for change in changes(judged, near)]
        fixed = all_fixed(judged)
        return [*found, *([_fix_all(document, judged, fixed)] if fixed is not None else [])]

    def _ours(self, uri: str, *kinds: Kind) -> tuple[TextDocument, Judged | None]:
        judged = self._newest(uri)
        return self._text(uri), judged if judged.kind in (kinds or ("recipe",)) else None

    def _newest(self, uri: str) -> Judged:
        """What was said of the document's text as it is now; judged again only where it changed."""
        document = self._text(uri)
        known = self.judged.get(uri)
        if known is None or known.text != document.source:
            known = self.judged[uri] = judge(_path(document), document.source)
        return known

    def _text(self, uri: str) -> TextDocument:
        return self.server.workspace.get_text_document(uri)

    def _complain(self, message: str) -> None:
        """Tell once that settings can't be read."""
        from lsprotocol import types

        if message and message not in self.complained:
            self.complained.add(message)
            self.server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, message))


def _path(document: TextDocument) -> Path:
    """Where the document lies, or would lie: one that was never saved is taken to be in the current folder."""
    return Path(document.path or document.uri.rpartition("/")[2].rpartition(":")[2] or "untitled.recipe.yaml")


def _range(document: TextDocument, span: Span | None) -> types.Range:
    from pygls.workspace import ServerTextPosition, ServerTextRange

    span = span or Span(1, 1, 1, 1)
    start = ServerTextPosition(span.line - 1, span.column - 1)
    end = ServerTextPosition(span.end_line - 1, span.end_column - 1)
    return document.range_to_client_units(ServerTextRange(start, end))


def diagnostic(document: TextDocument, finding: Finding) -> types.Diagnostic:
    """A finding as the editor is sent it."""
    from lsprotocol import types

    levels = {
        "error": types.DiagnosticSeverity.Error,
        "warning": types.DiagnosticSeverity.Warning,
        "advice": types.DiagnosticSeverity.Information,
    }
    said = [finding.message, finding.why, f"instead: {finding.instead}" if finding.instead else ""]
    return types.Diagnostic(
        range=_range(document, finding.span),
        message="\n".join(filter(None, said)),
        severity=levels[finding.severity],
        code=finding.code,
        source=_SOURCE,
    )


def _item(document: TextDocument, offer: Offer, number: int, line: int, column: int) -> types.CompletionItem:
    from lsprotocol import types

    span = Span(line + 1, column + 1 - offer.replaces, line + 1, column + 1)
    kinds = {"field": types.CompletionItemKind.Field, "value": types.CompletionItemKind.EnumMember}
    return types.CompletionItem(
        label=offer.label,
        kind=kinds[offer.kind],
        documentation=types.MarkupContent(types.MarkupKind.Markdown, offer.meaning) if offer.meaning else None,
        sort_text=f"{number:04}",
        text_edit=types.TextEdit(_range(document, span), offer.text),
    )


def _action(document: TextDocument, judged: Judged, change: Change) -> types.CodeAction:
    from lsprotocol import types

    return types.CodeAction(
        title=change.title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[diagnostic(document, change.finding)],
        is_preferred=change.preferred,
        edit=_edit(document, judged.text, change.text),
    )


def _fix_all(document: TextDocument, judged: Judged, text: str) -> types.CodeAction:
    from lsprotocol import types

    title, kind = "Fix everything that can be fixed safely", types.CodeActionKind.SourceFixAll
    return types.CodeAction(title=title, kind=kind, edit=_edit(document, judged.text, text))


def _edit(document: TextDocument, before: str, after: str) -> types.WorkspaceEdit:
    """The lines that differ, replaced."""
    from lsprotocol import types

    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    start, end = _same(old, new)
    span = Span(start + 1, 1, len(old) - end + 1, 1)
    text = "".join(new[start : len(new) - end])
    return types.WorkspaceEdit(changes={document.uri: [types.TextEdit(_range(document, span), text)]})


def _same(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many lines are the same at the beginning and at the end."""
    shorter = min(len(old), len(new))
    start = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    end = next((i for i in range(shorter - start) if old[-1 - i] != new[-1 - i]), shorter - start)
    return start, end
