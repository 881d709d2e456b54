"""Secrets are recognised in recipes, and stand in nothing that is printed or written."""

from __future__ import annotations

import json
import time

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.recipe.secrets import find_environment_secrets, find_secret, hide_secrets
from qwen_recipes.runs.secret_filter import SecretFilter

X = "x" * 34
SECRETS = {
    "Hugging Face": f"hf_{X}",
    "OpenAI": f"sk-proj-{X}",
    "Anthropic": f"sk-ant-{X}",
    "GitHub": f"ghp_{X}",
    "GitHub, fine-grained": f"github_pat_{X}",
    "GitLab": f"glpat-{X}",
    "AWS": "AKIA" + "X" * 16,
    "Slack": f"xoxb-{X}",
    "Google": "AIza" + "x" * 35,
    "a JSON web token": f"eyJ{X}.{X}.{X}",
    "a password": "https://me:pass1234@example.org/simple",
    "a token as the user": f"https://{X}@example.org/simple",
    "a signed URL": f"https://example.org/rows?token={X}",
    "a private key": "-----BEGIN RSA PRIVATE KEY-----",
}
HARMLESS = (
    *("Qwen/Qwen3-4B", "hf_transfer", "sk-learn", "me/rows", "http://host:5000/a@b", "git@github.com:me/rows.git"),
    *("ssh://git@github.com/me/rows", "https://example.org/?page=tokens", "2026-11-29T10:00:00", "<|im_end|>"),
    *("a@b.org", "runs/ghp_x", "s3://bucket/rows", "user:password", "/data/AKIA/rows.jsonl"),
)


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_recognised_by_its_look(kind):
    secret = SECRETS[kind]
    assert find_secret(secret)
    hidden = hide_secrets(f"see {secret}, there")
    assert len(hidden) == len(f"see {secret}, there") and not find_secret(hidden) and "***" in hidden


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_is_left_alone(text):
    assert not find_secret(text) and hide_secrets(text) == text


@pytest.mark.parametrize(
    "name", ["hub_token", "wandb_api_key", "password", "AWS_SECRET_ACCESS_KEY", "api-key", "HF_TOKEN"]
)
def test_a_secret_is_recognised_by_its_name(name):
    assert find_secret("0123456789abcdef0123", name)
    for harmless in ("$HF_TOKEN", "${HF_TOKEN}", "<your token>", "true", "none", "", None, True, 5, "{{ token }}"):
        assert not find_secret(harmless, name)


@pytest.mark.parametrize("name", ["eos_token", "max_tokens", "tokenizer", "key", "pass_through", "author"])
def test_names_that_are_of_something_else(name):
    assert not find_secret("<|im_end|>", name)


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("command", ["lint", "compile", "plan", "show"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_recipes_secret_is_named_and_never_printed_nor_written(tmp_path, monkeypatch, kind, command, form):
    monkeypatch.chdir(tmp_path)
    secret = SECRETS[kind]
    recipe = {"version": 1, "model": "Qwen/Qwen3-4B", "data": {"train": "a.jsonl"}, "run": {"backend": "axolotl"}}
    recipe["backends"] = {"axolotl": {"extra": {"hub_model_id": secret}}}
    (tmp_path / "r.recipe.yaml").write_text(json.dumps(recipe), "utf-8")
    more = [] if command == "compile" else ["--format", form]
    result = CliRunner().invoke(main, [command, "r.recipe.yaml", *more])
    assert find_secret(secret) not in result.output + result.stderr
    if command in ("lint", "compile"):
        assert result.exit_code == 1 and "QR707" in result.output + result.stderr
        assert not (tmp_path / "compiled").exists()


def test_a_secret_of_the_environment_does_not_become_a_path(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)
    recipe = {"version": 1, "model": "Qwen/Qwen3-4B", "data": {"train": "${env:WANDB_API_KEY}/a.jsonl"}}
    (tmp_path / "r.recipe.yaml").write_text(json.dumps(recipe), "utf-8")
    result = CliRunner().invoke(main, ["lint", str(tmp_path / "r.recipe.yaml")])
    assert result.exit_code == 1 and "holds a secret" in result.output + result.stderr
    assert "0123456789" not in result.output + result.stderr


def test_the_environments_secrets():
    variables = {"HF_TOKEN": f"hf_{X}", "WANDB_API_KEY": "0" * 40, "PATH": "/bin", "A": "x", "MY_PASSWORD": "short"}
    variables |= {"PIP_INDEX_URL": "https://me:pass1234@example.org"}
    assert find_environment_secrets(variables) == ["0" * 40, f"hf_{X}", "me:pass1234"]


@pytest.mark.parametrize("size", [1, 2, 7, 39, 40, 1000])
def test_a_log_has_no_secret_of_the_environment_in_however_many_pieces(size):
    secrets = SecretFilter({"HF_TOKEN": f"hf_{X}", "OTHER_TOKEN": "hf_xxyy12345"})
    text = (f"a hf_{X} b hf_xxyy12345 hf_xx c" * 20).encode() + b"hf_xxxx"
    shown = b"".join(secrets.hide(text[at : at + size]) for at in range(0, len(text), size)) + secrets.end()
    assert len(shown) == len(text) and X.encode() not in shown and b"hf_xxyy12345" not in shown
    assert shown.count(b" hf_xx c") == 20 and shown.endswith(b"hf_xxxx")


def test_time_is_linear():
    for piece in ("hf_", "sk-", "eyJ.", "://a", "?token=", "-----BEGIN ", "x", "://x:", "AKIA"):
        began = time.process_time()
        hide_secrets(piece * (200_000 // len(piece)))
        assert time.process_time() - began < 2, piece


NATIVE = {
    "train.yaml": "base_model: Qwen/Qwen3-4B\nadapter: lora\nlearning_rate: 1e-4\nhub_model_id: {secret}\n",
    "train.sh": "export A={secret}\nswift sft --model Qwen/Qwen3-4B --dataset rows.jsonl\n",
    "flag.sh": "swift sft --model Qwen/Qwen3-4B --dataset rows.jsonl --hub_model_id '{secret}'\n",
    "comment.yaml": "# was: {secret}\nmodel_name_or_path: Qwen/Qwen3-4B\nstage: sft\n",
}


@pytest.mark.parametrize("name", NATIVE)
@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_a_secret_in_a_frameworks_own_config_is_a_warning_and_not_printed(tmp_path, monkeypatch, name, form):
    monkeypatch.chdir(tmp_path)
    for kind, secret in SECRETS.items():
        (tmp_path / name).write_text(NATIVE[name].format(secret=secret), "utf-8")
        result = CliRunner().invoke(main, ["lint", name, "--format", form, "--select", "QR707"])
        assert result.exit_code == 0 and "QR707" in result.output, kind
        assert find_secret(secret) not in result.output


@pytest.mark.parametrize(
    "text", ["wandb_api_key: abcdefgh", "hub_token: words-only", "# password: hunter22", "nested: {api_key: abcdef12}"]
)
def test_a_secret_by_its_name_is_hidden_in_every_finding_of_its_line(tmp_path, text):
    file = tmp_path / "train.yaml"
    file.write_text(f"base_model: Qwen/Qwen3-4B\nadapter: lora\n{text}\n", "utf-8")
    result = CliRunner().invoke(main, ["lint", str(file)])
    secret = text.rpartition(": ")[2].strip("}")
    assert "QR707" in result.output and secret not in result.output


@pytest.mark.parametrize(
    "text",
    ["eos_token: <|im_end|>", "token: 151643", "unknown token: foobar", "max_token: 123456", '"token": "Ġabcdef"'],
)
def test_text_about_tokens_is_printed(text):
    assert hide_secrets(text) == text


UNREAD = {
    "a native key": "backends: {ms-swift: {extra: {hub_token: hunter2pw}}}",
    "a sweep's value": 'sweep: {parameters: {"backends.ms-swift.extra.hub_token": [hunter2pw, other2pw]}}',
    "a trial": 'sweep: {trials: {a: {"backends.ms-swift.extra.hub_token": hunter2pw}}}',
    "a base's URL": 'extends: "https://u:hunter2pw@h/x.yaml"',
    "a server": 'objective: {type: grpo, vllm: server, vllm_server: "u:hunter2pw@h:1"}',
}


@pytest.mark.parametrize("command", [["show"], ["show", "--format", "json"], ["lint"], ["compile"]])
@pytest.mark.parametrize("written", UNREAD)
def test_a_secret_is_hidden_where_no_guard_has_looked(tmp_path, monkeypatch, written, command):
    monkeypatch.chdir(tmp_path)
    head = "version: 1\nmodel: Qwen/Qwen3-0.6B\ndata: {train: d.jsonl}\nrun: {backend: ms-swift}\n"
    (tmp_path / "r.recipe.yaml").write_text(f"{head}{UNREAD[written]}\n", "utf-8")
    shown = CliRunner().invoke(main, [*command, "r.recipe.yaml"]).output
    assert shown and "hunter2pw" not in shown


NAMED = {
    "a number": "hub_token: 87654321",
    "a map": "hub_token: {value: 87654321x}",
    "words": "hub_token: correct 87654321 battery",
    "a short one": "hub_token: '8765 4321'",
    "another name": "hubToken: 87654321",
    "a passphrase": "passphrase: 87654321",
    "a signature": "url: 'https://h/x?X-Amz-Signature=87654321'",
    "text that is no YAML": "hub_token: 87654321, x: ]",
    "an unknown tag": "hub_token: 87654321, y: !x 1",
}


@pytest.mark.parametrize("command", [["show"], ["lint"], ["compile"]])
@pytest.mark.parametrize("written", NAMED)
def test_a_value_under_the_name_of_a_secret_is_hidden(tmp_path, monkeypatch, written, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("qwen_recipes.recipe.secrets._reported", set())
    head = "version: 1\nmodel: Qwen/Qwen3-0.6B\ndata: {train: d.jsonl}\nrun: {backend: ms-swift}\n"
    (tmp_path / "base.yaml").write_text(f"{head}backends: {{ms-swift: {{extra: {{{NAMED[written]}}}}}}}\n", "utf-8")
    (tmp_path / "r.recipe.yaml").write_text("extends: base.yaml\n", "utf-8")
    for file in ("base.yaml", "r.recipe.yaml"):
        shown = CliRunner().invoke(main, [*command, file]).output
        assert shown and "87654321" not in shown and "8765 4321" not in shown


def test_a_secret_of_the_command_line_is_hidden(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text("version: 1\nmodel: Qwen/Qwen3-0.6B\ndata: {train: d.jsonl}\n", "utf-8")
    for one in ("backends.ms-swift.extra.hub_token=87654321", "objective.vllm_server=u:87654321@h:1"):
        shown = CliRunner().invoke(main, ["show", "r.yaml", "--set", one]).output
        assert shown and "87654321" not in shown, one


def test_the_folder_that_one_stands_in_is_no_password():
    """`PWD` is set in every shell: its value hid the paths of records and logs, and a run could not be resumed."""
    folders = {"PWD": "/home/me/project", "OLDPWD": "/home/me"}
    assert not find_environment_secrets(folders)
    assert find_environment_secrets({**folders, "DB_PWD": "hunter2hunter2"}) == ["hunter2hunter2"]


RANDOM = "Zq7Xk29Lm4Tr8Vb1"
LOOKS = {
    "Stripe": f"sk_live_{RANDOM * 2}",
    "Google, a client": f"GOCSPX-{RANDOM * 2}",
    "Google, an access": f"ya29.{RANDOM * 3}",
    "SendGrid": f"SG.{RANDOM}abcdef.{RANDOM * 2}",
    "Docker": f"dckr_pat_{RANDOM * 2}",
    "Vault": f"hvs.{RANDOM * 3}",
    "DigitalOcean": f"dop_v1_{'0a1b2c3d' * 8}",
    "Databricks": f"dapi{'0a1b2c3d' * 4}",
    "Atlassian": f"ATATT3xFfGF0{RANDOM * 4}",
    "Together": f"tgp_v1_{RANDOM * 3}",
    "xAI": f"xai-{RANDOM * 4}",
    "Weights and Biases": f"wandb_v1_{RANDOM * 3}",
    "an organization's": f"api_org_{RANDOM * 2}",
    "age": f"AGE-SECRET-KEY-1{'QPZRY9X8' * 7}",
    "a GitLab runner": f"glrt-{RANDOM}abcd",
}
PLACES = {
    "a Slack hook": f"https://hooks.slack.com/services/T0000000/B0000000/{RANDOM}ABCDEFGH",
    "a Discord hook": f"https://discord.com/api/webhooks/123456789012345678/{RANDOM * 4}",
    "a Telegram bot": f"https://api.telegram.org/bot123456789:{RANDOM * 2}/sendMessage",
    "both keys of AWS": f"AKIAABCDEFGH12345678:{RANDOM * 2}abcdefgh",
    "a name with percent signs": f"https://h/?hf%5Ftoken={RANDOM}",
    "a line of .netrc": f"machine hf.co login me password {RANDOM}",
    "curl": f"curl -u me:{RANDOM} https://h",
    "sshpass": f"sshpass -p {RANDOM} ssh h",
    "JSON with backslashes": f'{{\\"api_key\\": \\"{RANDOM}\\"}}',
    "the body of a key": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{RANDOM * 4}\n-----END OPENSSH PRIVATE KEY-----",
}
NESTED = {
    "a key": f"env: {{hf_{X}: 1}}",
    "a key with a login": "env: {'https://me:pass1234@example.org/x': 1}",
    "a key with a value of null": f"hub_token: {{{RANDOM}}}",
    "a key in a map of tokens": f"hub_tokens: {{a: {{{RANDOM}: true}}}}",
    "a key with a word behind": f"hub_tokens: {{{RANDOM}: mine}}",
    "name and value": f"env: [{{name: HF_TOKEN, value: {RANDOM}}}]",
    "key and value": f"env: [{{value: {RANDOM}, key: WANDB_API_KEY}}]",
    "a list of two": f"env: [[HF_TOKEN, {RANDOM}]]",
    "a list of flags": f"args: [--epochs, 3, --hub_token, {RANDOM}]",
    "a cookie": f"headers: {{Cookie: session={RANDOM}}}",
    "wide letters": f"ｈｕｂ＿ｔｏｋｅｎ: {RANDOM}",
    "German": "passwort: correct-horse-battery",
    "an escaped look": f'note: "\\x68f_{X}"',
    "a private key": f"note: |\n        -----BEGIN PRIVATE KEY-----\n        {RANDOM}\n        -----END-----",
}
NO_SECRETS = (
    *("docker run --user 1000:1000 image", "login at the password prompt", "--user name", "hooks.slack.com/services"),
    *("sk_live is a prefix", "ya29", "dapi", "api_org_chart", "50%_token=1", "hvs.", "-u 0:0"),
)


@pytest.mark.parametrize("kind", LOOKS)
def test_tokens_of_more_services_are_recognised(kind):
    assert find_secret(LOOKS[kind]) == LOOKS[kind]
    assert RANDOM not in hide_secrets(f"at {LOOKS[kind]}.")


@pytest.mark.parametrize("kind", PLACES)
def test_secrets_in_commands_and_addresses_are_hidden(kind, monkeypatch):
    monkeypatch.setattr("qwen_recipes.recipe.secrets._reported", set())
    hidden = hide_secrets(PLACES[kind])
    assert RANDOM not in hidden and len(hidden) == len(PLACES[kind])
    assert hidden.count("\n") == PLACES[kind].count("\n")


@pytest.mark.parametrize("text", NO_SECRETS)
def test_what_only_resembles_a_secret_is_shown(text):
    assert hide_secrets(text) == text


@pytest.mark.parametrize("kind", NESTED)
def test_a_secret_in_a_key_or_beside_its_name_is_an_error_and_not_printed(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("qwen_recipes.recipe.secrets._reported", set())
    text = (
        "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\nrun: {backend: axolotl}\nbackends:\n  axolotl:\n"
    )
    (tmp_path / "r.recipe.yaml").write_text(f"{text}    extra:\n      {NESTED[kind]}\n", "utf-8")
    (tmp_path / "rows.jsonl").write_text('{"messages": []}\n', "utf-8")
    for command in (("lint",), ("lint", "--format", "json"), ("show",), ("compile",)):
        shown = CliRunner().invoke(main, [command[0], "r.recipe.yaml", *command[1:]]).output
        assert not any(secret in shown for secret in (RANDOM, X, "pass1234", "correct-horse")), shown
        assert ("QR707" in shown) == (command[0] != "show"), shown


def test_names_in_a_map_of_tokens_are_no_secrets():
    from qwen_recipes.recipe.written_values import find_secrets
    from qwen_recipes.yaml_text.reader import read_yaml

    text = (
        f"hub_tokens: {{account_2024_main: {RANDOM}, other_account_1: {{a: 1}}}}\nvocab: {{t5: 1, token123456789: 2}}"
    )
    assert [route for route, _ in find_secrets(read_yaml(text, "a").root)] == [("hub_tokens", "account_2024_main")]
