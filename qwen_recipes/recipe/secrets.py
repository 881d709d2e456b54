"""Secrets in text: keys and tokens by how they look, passwords in URLs, values by the name that they stand under."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_SHAPES = re.compile(
    "|".join(
        (
            r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{20,80}",
            r"(?<![A-Za-z0-9])sk-(?:proj-|ant-|or-|svcacct-)?[A-Za-z0-9_-]{20,200}",
            r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255})",
            r"(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{16,80}",
            r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])",
            r"(?<![A-Za-z0-9])xox[abprs]-[A-Za-z0-9-]{10,200}",
            r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}",
            r"(?<![A-Za-z0-9])(?:pypi|npm|ms|nvapi|r8|gsk)[-_][A-Za-z0-9_-]{30,200}",
            r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{5,2000}",
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----",
            r"(?<=://)[^\s/@:'\"<>]{0,200}:[^\s/@'\"<>]{1,200}(?=@)",
            r"(?<=://)(?!git@|ssh@|user@|\*)[A-Za-z0-9_.-]{16,200}(?=@)",
            r"(?i:(?<=[?&]token=)|(?<=[?&]api_key=)|(?<=[?&]access_token=)|(?<=[?&]sig=)|(?<=[?&]signature=)|(?<=[?&]x-amz-signature=))[^\s&'\"*,][^\s&'\",]{5,500}",
        )
    )
)
_NAME = re.compile(
    r"(?i)(?:^|[_.-])(?:token|api[_-]?key|secret|secret_?key|password|passwd|passphrase|pwd|pass|bearer|credentials?|access_?key(?:_?id)?"
    r"|auth(?:orization)?|private_?key)$"
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_TOKENIZER_NAME = re.compile(r"(?i)(?:^|[_.-])(?:bos|cls|eos|eot|image|mask|pad|sep|stop|unk|video)_token$")
_NAMED_IN_TEXT = re.compile(
    r"(?i)(?<![A-Za-z0-9])(?P<name>[A-Za-z0-9_.-]{0,100}(?:token|key|key_?id|secret|passw(?:or)?d|pass|credentials?"
    r"|auth(?:orization)?))[\"']?[ \t]{0,8}[:=][ \t]{0,8}(?P<quote>[\"']?)(?P<value>[^\s\"',}\])&;|]{6,500})"
)
"""`name: value`, `"name": "value"`, `NAME=value`."""
_AMBIGUOUS_NAME = re.compile(r"(?i)(?:token|pass|auth)$")
_RANDOM_VALUE = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_+/=.-]{12,}")
"""What a token of any service looks like: text speaks of tokens that are words, too."""
_NAMED_VALUE = re.compile(r"[^\s$<{*][^\s]{5,}")
_NO_SECRETS = {"true", "false", "none", "null", "default", "required", "changeme", "placeholder", "secret", "token"}
_USER_AND_PASSWORD = re.compile(r"(?:[a-z+]{1,20}:/{0,2})?[^\s/@:]{0,200}:(?P<password>[^\s/@]{1,200})@[A-Za-z0-9]")
MASK = "*"
_MIN_KNOWN_LENGTH = 4


def find_secret(value: object, name: str = "") -> str:
    """Which part of a value is a secret, also by the name that it stands under; empty where none is."""
    if not isinstance(value, str):
        return ""
    if found := _SHAPES.search(value):
        return found[0]
    named = is_secret_name(name) and _NAMED_VALUE.fullmatch(value.strip()) is not None
    is_word = value.strip().lower() in _NO_SECRETS or value.strip().startswith("<|")
    return value.strip() if named and not is_word else ""


def is_placeholder(value: str) -> bool:
    """Whether a value stands for a secret that is elsewhere: a word such as `none`, or a variable."""
    return value.strip().lower() in _NO_SECRETS or value.strip().startswith(("<", "$", "{", "*"))


def find_password(value: object) -> str:
    """The password in `user:password@host`, with a scheme before it or not; empty where there is none."""
    found = _USER_AND_PASSWORD.match(value) if isinstance(value, str) else None
    return found["password"] if found else ""


def is_secret_name(name: str) -> bool:
    """Whether a field or a variable of this name holds a secret: HF_TOKEN, wandb_api_key."""
    words = _CAMEL.sub("_", name)
    return _NAME.search(words) is not None and _TOKENIZER_NAME.search(words) is None


def find_secret_spans(text: str) -> list[tuple[int, int]]:
    """Where secrets stand in a text, as (start, end) in characters: by their look, or after a name and `:` or `=`."""
    found = [match.span() for match in _SHAPES.finditer(text)]
    for match in _NAMED_IN_TEXT.finditer(text):
        name, value = match["name"], match["value"]
        is_word = _AMBIGUOUS_NAME.search(name) is not None and _RANDOM_VALUE.fullmatch(value) is None
        if not is_word and find_secret(value, name) == value:
            found.append(match.span("value"))
    return sorted(found)


_reported: set[str] = set()


def remember_secret(secret: str) -> None:
    """Let `hide_secrets` hide a secret that was found by its name alone, in all that this process prints."""
    if len(secret) >= _MIN_KNOWN_LENGTH:
        _reported.add(secret)


def hide_secrets(text: str, known: Iterable[str] = ()) -> str:
    """The text with asterisks, as many, in the place of what looks like a secret and of those that are known."""
    for secret in (*known, *sorted(_reported, key=len, reverse=True)):
        text = text.replace(secret, MASK * len(secret))
    pieces, shown_to = [], 0
    for start, end in find_secret_spans(text):
        pieces += [text[shown_to:start], MASK * (end - max(start, shown_to))]
        shown_to = max(end, shown_to)
    return "".join((*pieces, text[shown_to:])) if pieces else text


def find_environment_secrets(variables: Mapping[str, str]) -> list[str]:
    """The values of variables that are secrets by their name or look (HF_TOKEN, WANDB_API_KEY); the longest first."""
    found = {secret for name, value in variables.items() if (secret := find_secret(value, name)) and len(secret) >= 8}
    return sorted(found, key=lambda secret: (-len(secret), secret))
