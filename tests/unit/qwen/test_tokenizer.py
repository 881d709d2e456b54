import hashlib
import threading

import pytest

from qwen_recipes.qwen import tokenizer, tokenizer_files
from qwen_recipes.qwen.chat_templates import TEMPLATES, read_template
from qwen_recipes.qwen.tokenizer import CorruptTokenizerError, build_tokenizer, get_tokenizer_folder


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def loaded(cache):
    transformers = pytest.importorskip("transformers")
    return transformers.AutoTokenizer.from_pretrained(get_tokenizer_folder("hybrid", cache))


@pytest.mark.parametrize("variant", TEMPLATES)
def test_files_are_the_released_ones(tmp_path, variant):
    build_tokenizer(tmp_path / "t", variant)
    assert _sha256(tmp_path / "t" / "tokenizer.json") == tokenizer.TOKENIZER_JSON_SHA256
    assert _sha256(tmp_path / "t" / "tokenizer_config.json") == tokenizer.TOKENIZER_CONFIG_SHA256[variant]
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == ["tokenizer.json", "tokenizer_config.json"]


def test_built_once(cache):
    first = get_tokenizer_folder("hybrid", cache)
    written = (first / "tokenizer.json").stat().st_mtime_ns
    assert get_tokenizer_folder("hybrid", cache) == first == cache / "hybrid-d5d09f07"
    assert (first / "tokenizer.json").stat().st_mtime_ns == written


def test_damaged_cache_is_built_anew(tmp_path):
    folder = get_tokenizer_folder("base", tmp_path)
    (folder / "tokenizer.json").write_bytes(b"{}")
    assert _sha256(get_tokenizer_folder("base", tmp_path) / "tokenizer.json") == tokenizer.TOKENIZER_JSON_SHA256
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_several_at_once(tmp_path):
    found = []
    ask = [threading.Thread(target=lambda: found.append(get_tokenizer_folder("hybrid", tmp_path))) for _ in range(4)]
    for thread in ask:
        thread.start()
    for thread in ask:
        thread.join()
    assert found == [tmp_path / "hybrid-d5d09f07"] * 4
    assert [path.name for path in tmp_path.iterdir()] == ["hybrid-d5d09f07"]


def test_cache_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert get_tokenizer_folder("hybrid") == tmp_path / "qwen-recipes" / "tokenizers" / "hybrid-d5d09f07"


@pytest.mark.parametrize("content", [b"not xz", b""])
def test_damaged_merges(tmp_path, monkeypatch, content):
    (tmp_path / "merges.xz").write_bytes(content)
    monkeypatch.setattr(tokenizer_files, "MERGES_FILE", tmp_path / "merges.xz")
    tokenizer_files.build_tokenizer_json.cache_clear()
    with pytest.raises(CorruptTokenizerError):
        build_tokenizer(tmp_path / "t", "hybrid")
    assert not (tmp_path / "t").exists()


def test_changed_data(tmp_path, monkeypatch):
    monkeypatch.setattr(tokenizer, "build_tokenizer_json", lambda: b"{}")
    with pytest.raises(CorruptTokenizerError, match=r"tokenizer\.json"):
        get_tokenizer_folder("hybrid", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_unknown_variant(tmp_path):
    with pytest.raises(KeyError):
        build_tokenizer(tmp_path, "unknown")


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("hello world", [14990, 1879]),
        ("Hello world", [9707, 1879]),
        ("12345", [16, 17, 18, 19, 20]),
        ("<think>\nok\n</think>\n\n", [151667, 198, 562, 198, 151668, 271]),
        ("\n", [198]),
        ("\n\n", [271]),
        ("assistant", [77091]),
    ],
)
def test_ids(loaded, text, ids):
    assert loaded(text)["input_ids"] == ids


def test_control_tokens(loaded):
    control = tokenizer_files.get_control_tokens()
    assert len(loaded) == 151_669
    assert loaded.convert_tokens_to_ids(list(control)) == list(control.values()) == list(range(151_643, 151_669))
    assert (control["<|im_end|>"], control["<tool_call>"], control["<think>"]) == (151_645, 151_657, 151_667)
    assert loaded.decode([151_645, 151_667, 562], skip_special_tokens=True) == "<think>ok"


def test_eos_pad_and_template(loaded, cache):
    assert (loaded.eos_token, loaded.pad_token, loaded.bos_token) == ("<|im_end|>", "<|endoftext|>", None)
    assert loaded.chat_template == read_template("hybrid")
    base = type(loaded).from_pretrained(get_tokenizer_folder("base", cache))
    assert (base.eos_token, base.pad_token) == ("<|endoftext|>", "<|endoftext|>")
    assert base.convert_tokens_to_ids("</think>") == 151_668
