"""Which names stand for secrets (`hub_token`, `apiKeys`, `AWS_ACCESS_KEY_ID`), and which are of text (`eos_token`)."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

NameKind = Literal["secret", "unsure", ""]
"""`unsure`: what stands under the name is a secret if it looks random."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_JOINED = re.compile(r"(?P<owner>[a-z]{2,20}?)(?P<noun>tokens?|keys?|secrets?|passwords?|credentials?)")
_ALWAYS = {
    *("password", "passwd", "passphrase", "passcode", "pwd", "secret", "credential", "passwort", "kennwort", "senha"),
    *("contrasena", "wachtwoord"),
}
_AT_THE_END = {"auth", "authorization", "bearer", "pass", "pwds", "auths", "cookie", "cookies"}
_OWNERS = {
    *("access", "account", "admin", "api", "app", "auth", "bearer", "bot", "client", "deploy", "encryption", "id"),
    *("jwt", "license", "login", "master", "oauth", "private", "push", "refresh", "secret", "security", "service"),
    *("session", "sign", "signing", "ssh", "storage", "user", "write", "webhook", "anthropic", "aws", "azure"),
    *("clearml", "cohere", "comet", "dashscope", "deepseek", "discord", "dropbox", "gcp", "gemini", "git", "github"),
    *("gitlab", "google", "groq", "hf", "hub", "huggingface", "kaggle", "lambda", "mistral", "mlflow", "modal"),
    *("modelscope", "ms", "neptune", "ngc", "npm", "nvidia", "openai", "openrouter", "pypi", "qwen", "replicate"),
    *("runpod", "s3", "sky", "slack", "swanlab", "telegram", "together", "trackio", "twine", "vast", "vault", "wandb"),
}
"""Who or what a key opens."""
_COUNTS = {"max", "min", "num", "number", "count", "n", "total", "per", "average", "mean", "budget", "limit"}
_OF_TEXT = {
    *("add", "added", "additional", "answer", "assistant", "audio", "begin", "boi", "bos", "cache", "cached", "chat"),
    *("chunk", "class", "cls", "completion", "context", "control", "custom", "decoded", "delimiter", "draft", "dummy"),
    *("encoded", "end", "eoi", "eos", "eot", "extra", "fake", "first", "frequent", "function", "generated"),
    *("generation", "ignore", "ignored", "image", "init", "input", "label", "language", "last", "length", "loss"),
    *("mask", "masked", "mean", "media", "message", "model", "new", "newline", "next", "old", "output", "pad"),
    *("padding", "placeholder", "prefix", "prompt", "query", "rare", "reason", "reasoning", "removed", "replaced"),
    *("reserved", "response", "role", "sampled", "seen", "sep", "separator", "sequence", "special", "speculative"),
    *("speech", "start", "stop", "suffix", "supervised", "suppress", "system", "target", "text", "think", "thinking"),
    *("tool", "trainable", "trained", "trigger", "unk", "unknown", "untrained", "valid", "video", "virtual"),
    *("vision", "visual", "vocab", "vocabulary", "word"),
}
"""What a token of text is called."""
_ABOUT = {
    *("author", "count", "dir", "directory", "enabled", "env", "expiry", "field", "file", "files", "filename"),
    *("folder", "format", "id", "ids", "length", "level", "manager", "name", "names", "optional", "path", "paths"),
    *("policy", "ref", "required", "rotation", "size", "store", "type", "types", "url", "var", "variable"),
}
"""What is said of a secret beside itself."""


@lru_cache(maxsize=4096)
def classify_name(name: str) -> NameKind:
    """Whether a secret stands under a name: of a field, a flag, a variable."""
    words = _split_words(_spell_in_ascii(name[:400]))
    kinds = {_classify_word(words, position) for position in range(len(words))}
    return "secret" if "secret" in kinds else "unsure" if "unsure" in kinds else ""


def _spell_in_ascii(name: str) -> str:
    """A name without percent signs of a URL, wide letters and accents."""
    if "%" in name:
        name = unquote(name, errors="replace")
    return name if name.isascii() else unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()


def _split_words(name: str) -> list[str]:
    """Lower-case words; `apikeys` and `HFTOKEN` are two each."""
    words: list[str] = []
    for word in map(str.lower, _WORD.findall(name)):
        joined = _JOINED.fullmatch(word)
        known = joined is not None and joined["owner"] in _OWNERS | _OF_TEXT | _COUNTS
        words += [joined["owner"], joined["noun"]] if joined and known else [word]
    return words


def _classify_word(words: list[str], position: int) -> NameKind:
    word, before, behind = words[position].removesuffix("s"), set(words[:position]), set(words[position + 1 :])
    if words[position] in _AT_THE_END:
        return "" if behind else "secret"
    if word in _ALWAYS:
        return "" if behind & _ABOUT or before & _COUNTS else "secret"
    if word == "key":
        opens = bool(position) and words[position - 1] in _OWNERS
        told = behind - {"id", "ids"} if words[position - 1 : position] == ["access"] else behind
        return "secret" if opens and not told & _ABOUT and not before & _COUNTS else ""
    if word == "token":
        return _classify_token(words[position], before, behind)
    return "unsure" if word == "pat" and before and not behind else ""


def _classify_token(word: str, before: set[str], behind: set[str]) -> NameKind:
    """A token of a service, or one of text."""
    if before & _COUNTS or behind & _ABOUT:
        return ""
    if not before & _OWNERS and before & _OF_TEXT:
        return ""
    if before & _OWNERS or not behind or all(one.isdigit() for one in behind):
        return "unsure" if word == "tokens" and not before else "secret"
    return "unsure"
