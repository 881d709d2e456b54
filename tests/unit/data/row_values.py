"""Rows and a source of them, as Python values."""

from __future__ import annotations

USER, ANSWER = {"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}
SOURCE = {
    "hub": None,
    "subset": None,
    "split": None,
    "revision": None,
    "format": "messages",
    "columns": {},
    "weight": 1,
}


def row(*messages, **more):
    return {"messages": list(messages), **more}


def said(text):
    return row(USER, {"role": "assistant", "content": text})
