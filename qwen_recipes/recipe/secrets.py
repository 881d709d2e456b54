"""Secrets in text: keys and tokens by how they look, passwords in URLs, values by the name that they stand under."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from qwen_recipes.recipe.secret_names import classify_name

_NO_PORT = r"(?!\d{1,5}(?:[/?#\s]|$))"
_HOST = r"@(?!sha256:)[A-Za-z0-9\[]"
_SHAPES = re.compile(
    "|".join(
        (
            r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{20,80}",
            r"(?<![A-Za-z0-9])sk-(?:proj-|ant-|or-|svcacct-)?[A-Za-z0-9_-]{20,200}",
            r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255})",
            r"(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{16,80}",
            r"(?<![A-Za-z0-9])A[KS]IA[A-Z0-9]{16}(?![A-Z0-9])(?:[:,; \t]{1,3}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+]))?",
            r"(?<![A-Za-z0-9])xox[abprs]-[A-Za-z0-9-]{10,200}",
            r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}",
            r"(?<![A-Za-z0-9])(?:pypi|npm|ms|nvapi|r8|gsk|xai|pplx|rpa|csk|jina|ntn|tvly)[-_][A-Za-z0-9_-]{30,200}",
            r"(?<![A-Za-z0-9])(?:[sr]k_(?:live|test)|whsec|dckr_[po]at|dop_v1|doo_v1|tgp_v1|wandb_v1|api_org)_[A-Za-z0-9_-]{20,200}",
            r"(?<![A-Za-z0-9])(?:shp(?:at|ca|pa|ss)_|lin_api_|GOCSPX-|ya29\.|hv[bs]\.|ATATT3x|AGE-SECRET-KEY-1|gl(?:rt|dt|ptt|ft|soat)-)[A-Za-z0-9_=-]{16,800}",
            r"(?<![A-Za-z0-9])(?:dapi[0-9a-f]{32}|SG\.[A-Za-z0-9_-]{16,30}\.[A-Za-z0-9_-]{16,60})",
            r"(?<=hooks\.slack\.com/services/)[A-Za-z0-9/]{20,100}",
            r"(?:(?<=discord\.com/api/webhooks/)|(?<=discordapp\.com/api/webhooks/))[0-9]{10,25}/[A-Za-z0-9_-]{20,100}",
            r"(?<=api\.telegram\.org/bot)[0-9]{6,12}:[A-Za-z0-9_-]{20,60}",
            r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{5,2000}",
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[^-]{1,20000}(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?)?",
            rf"(?<=://)(?!git@)[^\s/:'\"<>\[\]]{{0,200}}:{_NO_PORT}[^\s'\"<>]{{1,500}}(?={_HOST})",
            r"(?<=://)(?!git@|ssh@|user@|\*)[A-Za-z0-9_.-]{16,200}(?=@)",
            r"(?i:(?<=[?&#]token=)|(?<=[?&]api_key=)|(?<=[?&#]access_token=)|(?<=[?&]sig=)|(?<=[?&]signature=)|(?<=[?&]x-amz-signature=))[^\s&'\"*,][^\s&'\",]{5,500}",
        )
    )
)
_NAME_IN_TEXT = re.compile(
    r"(?<![A-Za-z0-9_.%-])(?P<name>[A-Za-z0-9_.%-]{2,140})\\{0,3}[\"']?[ \t]{0,8}[:=][ \t]{0,8}(?P<list>\[?)"
)
"""`name: value`, `"name": "value"`, `NAME=value`, and of a list of values the beginning."""
_FLAG_IN_TEXT = re.compile(r"(?<![A-Za-z0-9_.-])--(?P<name>[A-Za-z0-9_.-]{2,140})[ \t]{1,8}(?P<list>\[?)(?!-)")
_ASSIGNED = re.compile(r"\A--|[A-Za-z0-9_-]=\[?\Z")
"""`NAME=value` and `--name value` are commands; `name: value` may be a sentence."""
_VALUE_IN_TEXT = re.compile(
    r"[ ,]{0,8}(?:(?i:bearer|basic|token) {1,4})?"
    r"(?:\\{1,3}\"(?P<escaped>[^\"\\\n]{4,500})|\"(?P<double>[^\"\n]{4,500})\"|'(?P<single>[^'\n]{4,500})'|(?P<bare>[^\s\"',}\])&;|`]{6,500}))"
)
_IN_COMMAND = re.compile(
    r"(?<![\w-])(?:-u|--(?:proxy-)?user)[ =][\"']?[^\s:\"']{1,100}:(?![0-9]{1,9}(?:\s|$))(?P<user>[^\s\"']{4,200})"
    r"|\bsshpass[ \t]+-p[ \t]{0,4}[\"']?(?P<sshpass>[^\s\"']{4,200})"
    r"|\blogin[ \t]+\S{1,100}[ \t]+password[ \t]+(?P<netrc>\S{4,200})"
)
"""Passwords that follow no `:` or `=`: `curl -u name:…`, `sshpass -p …`, a line of .netrc."""
_AMBIGUOUS_NAME = re.compile(r"(?i)(?:tokens?|pass|auth)$")
_RANDOM_VALUE = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_+/=.-]{12,}")
"""What a token of any service looks like: text speaks of tokens that are words, too."""
_NO_SECRETS = {
    *("true", "false", "none", "null", "default", "required", "changeme", "placeholder", "secret", "token"),
    *("auto", "basic", "bearer", "read", "write", "optional", "password", "prompt"),
}
_LOGIN = re.compile(rf"(?://)?(?P<login>[^\s/@:]{{0,200}}:(?P<password>[^\s/]{{1,200}})){_HOST}")
_URL_LOGIN = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.-]{{0,20}}://(?!git@)(?P<login>[^\s/:\[\]]{{0,200}}:{_NO_PORT}(?P<password>\S.{{0,500}})){_HOST}"
)
_QUOTED_URL_LOGIN = re.compile(
    rf"(?<=[\"'])[A-Za-z][A-Za-z0-9+.-]{{0,20}}://(?!git@)(?P<login>[^\s/:\[\]\"']{{0,200}}:{_NO_PORT}[^\s\"'][^\"'\n]{{0,500}}){_HOST}"
)
_SHELL_FOLDERS = {"PWD", "OLDPWD"}
"""Variables of every shell that hold a folder, though elsewhere `pwd` is a password."""
MASK = "*"
_NOT_LINE_END = re.compile(r"[^\r\n]")
_MIN_KNOWN_LENGTH = 4
_SHORT = 200


def find_secret(value: object, name: str = "") -> str:
    """Which part of a value is a secret, also by the name that it stands under; empty where none is."""
    if not isinstance(value, str):
        return ""
    text = value.strip()
    if _is_named_secret(text, name):
        return text
    if login := find_login(text):
        return login["login"]
    spans = find_secret_spans(value)
    return value[slice(*spans[0])] if spans else ""


def _is_named_secret(text: str, name: str) -> bool:
    kind = classify_name(name)
    named = kind == "secret" or (kind == "unsure" and _RANDOM_VALUE.fullmatch(text) is not None)
    return named and len(text) >= _MIN_KNOWN_LENGTH and not is_placeholder(text)


def is_placeholder(value: str) -> bool:
    """Whether a value stands for a secret that is elsewhere: a word such as `none`, or a variable."""
    text = value.strip()
    return text.lower() in _NO_SECRETS or text.startswith(("<", "$", "{", "*")) or text.endswith(("…", "..."))


def looks_random(value: str) -> bool:
    """Whether a text is of letters and digits as no word is."""
    return _RANDOM_VALUE.fullmatch(value) is not None


def find_login(value: str) -> re.Match[str] | None:
    """`user:password` before a host (groups `login`, `password`); in a URL it may hold `/`, `@` and blanks."""
    return _URL_LOGIN.match(value) or (None if "://" in value else _LOGIN.match(value))


def is_secret_name(name: str) -> bool:
    """Whether a field or a variable of this name holds a secret: HF_TOKEN, wandb_api_key."""
    return classify_name(name) == "secret"


def find_secret_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Where secrets stand in a text, as (start, end) in characters: by their look, or after a name and `:` or `=`."""
    return _find_short_spans(text) if len(text) <= _SHORT else _find_spans(text)


def _find_spans(text: str) -> tuple[tuple[int, int], ...]:
    found = [match.span() for match in _SHAPES.finditer(text)]
    found += [match.span("login") for match in _QUOTED_URL_LOGIN.finditer(text)]
    found += [match.span(match.lastgroup or 0) for match in _IN_COMMAND.finditer(text)]
    for match in (*_NAME_IN_TEXT.finditer(text), *_FLAG_IN_TEXT.finditer(text)):
        if classify_name(match["name"]):
            found += _find_named_spans(text, match)
    return tuple(sorted(found))


_find_short_spans = lru_cache(maxsize=8192)(_find_spans)
"""Keys and values that every recipe has are looked at once."""


def _find_named_spans(text: str, name: re.Match[str]) -> Iterator[tuple[int, int]]:
    """The value behind a name, or each of a list, as far as they are secrets."""
    place, word = name.end(), _AMBIGUOUS_NAME.search(name["name"])
    while value := _VALUE_IN_TEXT.match(text, place):
        (start, end), place = value.span(value.lastgroup or 0), value.end()
        shown = text[start:end]
        spoken = value["bare"] is not None and not _ASSIGNED.search(name[0])
        ambiguous = word is not None and (spoken or word[0] == name["name"].lstrip("-"))
        if _is_named_secret(shown, name["name"]) and (not ambiguous or _RANDOM_VALUE.fullmatch(shown)):
            yield start, end
        if not name["list"]:
            return


_reported: set[str] = set()


def remember_secret(secret: str) -> None:
    """Let `hide_secrets` hide a secret that was found by its name alone, in all that this process prints."""
    if len(secret) >= _MIN_KNOWN_LENGTH:
        quoted = (json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret))
        _reported.update((secret, secret.replace("'", "''"), *(one[1:-1] for one in quoted)))


def hide_secrets(text: str, known: Iterable[str] = ()) -> str:
    """The text with asterisks, as many, in the place of what looks like a secret and of those that are known."""
    for secret in (*known, *sorted(_reported, key=len, reverse=True)):
        text = text.replace(secret, MASK * len(secret))
    pieces, shown_to = [], 0
    for start, end in find_secret_spans(text):
        pieces += [text[shown_to:start], _NOT_LINE_END.sub(MASK, text[max(start, shown_to) : end])]
        shown_to = max(end, shown_to)
    return "".join((*pieces, text[shown_to:])) if pieces else text


def find_environment_secrets(variables: Mapping[str, str]) -> list[str]:
    """The values of variables that are secrets by their name or look (HF_TOKEN, WANDB_API_KEY); the longest first."""
    own = {name: value for name, value in variables.items() if name not in _SHELL_FOLDERS}
    found = {secret for name, value in own.items() if (secret := find_secret(value, name))}
    found |= {piece for secret in found for piece in re.split(r"[\s,;]+", secret)}
    return sorted((one for one in found if len(one) >= 8), key=lambda secret: (-len(secret), secret))
