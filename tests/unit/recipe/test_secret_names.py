"""Secrets by the names that they stand under, in any number and spelling, and passwords in URLs; nothing else."""

from __future__ import annotations

import json
import os

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.recipe.secret_names import classify_name
from qwen_recipes.recipe.secrets import find_environment_secrets, find_secret, hide_secrets, remember_secret
from tests.conftest import ROOT

SECRET = [
    *(
        "hub_token",
        "hub_tokens",
        "hubTokens",
        "HF_TOKENS",
        "hf-tokens",
        "hftoken",
        "HFToken",
        "accessTokens",
        "authToken",
    ),
    *("api_key", "api_keys", "apiKeys", "APIKEYS", "x-api-key", "api_key_prod", "access_keys", "AWS_SECRET_ACCESS_KEY"),
    *(
        "aws_access_key_id",
        "access_key_ids",
        "secret_keys",
        "client_secrets",
        "ssh_private_key",
        "storage_account_keys",
    ),
    *("passwords", "db_password", "password_value", "passphrase", "credentials", "s3_credentials", "bearer_tokens"),
    *("hub_token_1", "hub_token_list", "acme_tokens", "my_token", "token", "Authorization", "service_account_key"),
]
INNOCENT = [
    *(
        "max_tokens",
        "tokenizer",
        "special_tokens",
        "eos_token",
        "pad_token",
        "new_tokens",
        "num_tokens",
        "image_tokens",
    ),
    *("max_new_tokens", "additional_special_tokens", "key", "keys", "text_key", "primary_key", "num_key_value_heads"),
    *("pass_through", "author", "monkey", "password_file", "secret_name", "stop_tokens", "eosToken", "maxTokens"),
    *("skip_special_tokens", "token_type_ids", "compass", "passes", "auth_type", "cache_tokens", "num_api_keys"),
    *("prompt_tokens", "max_completion_tokens", "assistant_token", "tool_call_token", "image_token_id", "GPG_KEY"),
    *("SSH_AUTH_SOCK", "total_num_tokens", "mask_token_str", "video_token", "vision_start_token", "added_tokens"),
]
OF_FRAMEWORKS = {
    *("comet_api_key", "hf_hub_token", "hf_token", "hf_use_auth_token", "hub_token", "ms_hub_token", "om_hub_token"),
    *("push_to_hub_token", "swanlab_api_key", "swanlab_lark_secret", "swanlab_secret", "swanlab_token", "wandb_token"),
}
"""The keys of all frameworks' schemas that are secrets."""


@pytest.mark.parametrize("name", SECRET)
def test_names_of_secrets(name):
    assert classify_name(name) == "secret" and find_secret("hunter2pw", name) == "hunter2pw"


@pytest.mark.parametrize("name", INNOCENT)
def test_names_of_something_else(name):
    assert classify_name(name) == "" and not find_secret("hunter2pw", name)


def test_the_frameworks_own_keys():
    found = set()
    for file in sorted((ROOT / "schemas" / "backends").glob("*.json")):
        found |= set(list_properties(json.loads(file.read_text("utf-8"))))
    assert {name for name in found if classify_name(name) == "secret"} == OF_FRAMEWORKS


def list_properties(schema):
    if isinstance(schema, dict):
        yield from schema.get("properties", {}) if isinstance(schema.get("properties"), dict) else ()
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from list_properties(inner)


HEAD = "version: 1\nmodel: Qwen/Qwen3-0.6B\ndata: {train: d.jsonl}\nrun: {backend: ms-swift}\n"
HEAD += "backends:\n  ms-swift:\n    extra:\n"
WRITTEN = {
    "a list": "hub_tokens: [87654321a, 87654321b]",
    "a list on lines": "hub_tokens:\n        - 87654321a\n        - 87654321b",
    "a list of numbers": "hub_tokens: [876543210]",
    "several in one text": "api_keys: '87654321a, 87654321b'",
    "a map": "access_keys: {alice: 87654321a, bob: 87654321b}",
    "a deep map": "credentials:\n        prod: {aws: [87654321a]}",
    "camel case": "apiKeys: [87654321a]",
    "words": "db_password: ask 87654321a me",
    "quotation marks": "db_password: 'a\"b\\c 87654321 d''e'",
    "several lines": "ssh_private_keys: |\n        87654321ab\n        87654321cd",
    "a URL with a slash": "hub_url: https://me:pa/87654321@host/simple",
    "a URL with an at": "hub_url: https://me:pa@87654321@host/simple",
    "a URL with blanks": "hub_url: 'https://me:pa 87654321 ss@host/simple'",
    "a URL with all": "hub_url: 'https://me:p/a @ 87654321@host:8443/simple'",
    "an address as the user": "hub_url: https://me@corp.org:p87654321@host/simple",
    "a URL without a user": "hub_url: redis://:p87654321@host:6379/0",
    "quotation marks in a URL": "hub_url: 'https://me:\"87654321\"x@host/simple'",
    "a variable in a list": "env: ['HF_TOKEN=87654321a']",
    "a flag in a text": "args: '--x 1 --hub_token 87654321a'",
    "JSON in a text": 'cfg: \'{"api_keys": ["87654321a"]}\'',
    "a header": "headers: ['Authorization: Bearer 87654321a']",
    "a query": "url: https://h/x?a=1&access_tokens=87654321a",
    "a fragment": "url: https://h/x#token=87654321a",
    "a URL without a scheme": "url: //me:87654321a@h/x",
    "a connection": "dsn: 'host=h user=me password=87654321a'",
    "a server": "server: me:87654321@host:8000",
    "a number": "hub_token: 87654321",
}
BROKEN = ("", "\n      x: ]", "\n      x: !y z")


@pytest.mark.parametrize(
    "command", [["lint"], ["lint", "--format", "json"], ["show"], ["show", "--format", "json"], ["compile"]]
)
@pytest.mark.parametrize("written", WRITTEN)
def test_nothing_prints_nor_writes_them(tmp_path, monkeypatch, written, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("qwen_recipes.recipe.secrets._reported", set())
    for number, after in enumerate(BROKEN):
        (tmp_path / f"{number}.yaml").write_text(f"{HEAD}      {WRITTEN[written]}{after}\n", "utf-8")
        result = CliRunner().invoke(main, [*command, f"{number}.yaml"])
        shown = result.output + result.stderr
        assert shown and "87654321" not in shown
        if number == 0 and command[0] in ("lint", "compile"):
            assert result.exit_code == 1 and "QR707" in shown
        assert not (tmp_path / "compiled").exists()


@pytest.mark.parametrize(
    "written",
    [
        *("max_new_tokens: 4096", "new_special_tokens: [abcdefgh]", "hub_tokens: 12", "tokens: ['<tool>', abcdefgh]"),
        *("special_tokens: {pad_token: abcdefgh, eos_token: '<|im_end|>'}", "image_tokens: [abcdefgh]"),
        *("api_key: $OPENAI_API_KEY", "url: http://localhost:8000/a@b", "url: 'http://[::1]:8000/a@b'"),
        *("url: git+ssh://git@github.com:me/rows@main", "image: 'docker://python:3.11@sha256:abcdef'"),
        *("tokenizer: abcdefgh", "url: 'https://example.org/x:y@z'", "note: 'see: me@example.org'"),
    ],
)
def test_what_is_no_secret_is_neither_reported_nor_hidden(tmp_path, monkeypatch, written):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("qwen_recipes.recipe.secrets._reported", set())
    (tmp_path / "r.yaml").write_text(f"{HEAD}      {written}\n", "utf-8")
    shown = CliRunner().invoke(main, ["lint", "r.yaml"])
    assert "QR707" not in shown.output + shown.stderr
    assert "**" not in CliRunner().invoke(main, ["show", "r.yaml"]).output


@pytest.mark.parametrize(
    "text",
    [
        *("export API_KEYS='k1 87654321, k2 87654321'", "hub_tokens = ['87654321a', \"87654321b\"]"),
        *(
            "x: {access_keys: [87654321a, 87654321b]}",
            "swift sft --api_keys 87654321a --hub_url 'https://me:a 87654321@h/x'",
        ),
        *("--hub-secrets=87654321", "pip install -i https://me:a/87654321@host/simple", 'password: "a 87654321"'),
    ],
)
def test_text_that_is_no_recipe(tmp_path, text):
    assert "87654321" not in hide_secrets(text) and len(hide_secrets(text)) == len(text)
    (tmp_path / "a.sh").write_text(f"{text}\nswift sft --model Qwen/Qwen3-0.6B --dataset a.jsonl\n", "utf-8")
    shown = CliRunner().invoke(main, ["lint", str(tmp_path / "a.sh"), "--select", "QR707"])
    assert "QR707" in shown.output and "87654321" not in shown.output


def test_a_secret_is_hidden_as_json_yaml_and_python_quote_it(monkeypatch):
    monkeypatch.setattr("qwen_recipes.recipe.secrets._reported", set())
    secret = 'it\'s "87654321" \\ é'
    remember_secret(secret)
    for text in (json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret), secret.replace("'", "''")):
        assert "87654321" not in hide_secrets(f"see {text}")


def test_each_of_several_in_the_environment():
    found = find_environment_secrets({"HF_TOKENS": "abcdefgh1, abcdefgh2", "INDEX": "https://me:a b/c@host/simple"})
    assert {"abcdefgh1", "abcdefgh2", "me:a b/c"} <= set(found)
    assert not find_environment_secrets({"MAX_TOKENS": "1234567890", "EOS_TOKEN": "<|im_end|>", "LANG": os.sep * 9})
