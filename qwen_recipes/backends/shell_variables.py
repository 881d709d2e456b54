"""What the variables of a shell script hold, put into its commands; no shell is run.

A variable that the script assigns once, an array, and the default of `${NAME:-default}` are known. What is assigned
again, comes from a loop or from outside is not: such a word stays as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

from qwen_recipes.backends.shell_parser import ShellCommand, ShellWord, drop_redirections, parse_commands

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\+?)=")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?:\[[@*]\])?(?::?([-=])([^{}]*))?\})")
_WHOLE = re.compile(_VARIABLE.pattern + r"\Z")
_DECLARATIONS = ("export", "declare", "local", "readonly", "typeset")
_KEYWORDS = ("then", "else", "do", "{")
_SHELLS = ("bash", "sh", "zsh")
MOST_WORDS = 10_000
"""Words that a command may become."""
MOST_TEXT = 1 << 20
"""Characters and words that the variables of a script may put in, all together; what would be more stays as written."""


def expand_commands(commands: Iterable[ShellCommand]) -> Iterator[ShellCommand]:
    """Each command that is no assignment, with what its variables hold; those given to `bash -c` too."""
    known = _Variables()
    for command in commands:
        if not known.assign(command):
            expanded = drop_redirections(known.expand(command))[:MOST_WORDS]
            yield from _unfold_shell(expanded)


def _unfold_shell(command: ShellCommand) -> Iterator[ShellCommand]:
    """The commands in the text of `bash -c "…"`, each at the place of that text; else the command itself."""
    for at, word in enumerate(command[:-2]):
        if word.text.rpartition("/")[2] in _SHELLS and re.fullmatch(r"-\w*c", command[at + 1].text):
            script = command[at + 2]
            for inner in parse_commands(script.text):
                yield drop_redirections([replace(one, span=script.span) for one in inner])
            return
    yield command


class _Variables:
    """Variables by name: their words, or None where several values are possible."""

    def __init__(self) -> None:
        self.words: dict[str, list[ShellWord] | None] = {}
        self.room = MOST_TEXT

    def assign(self, command: ShellCommand) -> bool:
        """Take note of a command that does nothing but assign; False for any other."""
        words = command[1:] if command and command[0].text in _KEYWORDS else command
        if len(words) > 1 and words[0].text == "for":
            self.words[words[1].text] = None
        if words and words[0].text in _DECLARATIONS:
            words = [word for word in words[1:] if not word.text.startswith("-")]
        if not words or not all(_ASSIGNMENT.match(word.text) for word in words):
            return False
        for word in words:
            self._set(word)
        return True

    def _set(self, word: ShellWord) -> None:
        found = _ASSIGNMENT.match(word.text)
        assert found
        name, added, text = found[1], bool(found[2]), word.text[found.end() :]
        if word.items is not None:
            value = self.expand(list(word.items))
        else:
            value = [replace(word, text=self._fill(text) if not word.literal else text)]
        before = self.words.get(name)
        if added and before is not None:
            before += value  # a copy of a list that grows would take quadratic time
        elif added and name in self.words:
            return
        elif name not in self.words or _refers_to(name, text):
            self.words[name] = value
        elif before is None or [one.text for one in before] != [one.text for one in value]:
            self.words[name] = None

    def expand(self, command: ShellCommand) -> ShellCommand:
        """The words of a command, arrays and lists of words unfolded."""
        return list(islice((made for word in command for made in self._expand_word(word)), MOST_WORDS))

    def _expand_word(self, word: ShellWord) -> Iterator[ShellWord]:
        if word.literal or "$" not in word.text:
            yield word
            return
        whole = _WHOLE.match(word.text)
        held = self.words.get(whole[1] or whole[2]) if whole else None
        if held and (len(held) > 1 or "[" in word.text):
            yield from held if self._take(len(held)) else (word,)
            return
        text = self._fill(word.text)
        if word.quoted or text == word.text or not whole:
            yield replace(word, text=text)
            return
        yield from (replace(one, span=word.span) for part in parse_commands(text) for one in part)

    def _fill(self, text: str) -> str:
        """A text with what its variables hold, as far as that is one text."""
        grown = sum(len(self._look_up(match)) for match in _VARIABLE.finditer(text))
        return _VARIABLE.sub(self._look_up, text) if self._take(grown) else text

    def _take(self, size: int) -> bool:
        """Whether there is room for so much more; it is taken."""
        if size > self.room:
            return False
        self.room -= size
        return True

    def _look_up(self, match: re.Match[str]) -> str:
        name, default = match[1] or match[2], match[4]
        held = self.words.get(name)
        if held and len(held) == 1:
            return held[0].text
        return default.strip("\"'") if default is not None and name not in self.words else match[0]


def _refers_to(name: str, text: str) -> bool:
    """Whether a value is made of the variable itself, as in `ARGS="$ARGS --more"`."""
    return any((found[1] or found[2]) == name for found in _VARIABLE.finditer(text))
