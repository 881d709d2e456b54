import json

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.qwen.chat_templates import read_template
from qwen_recipes.qwen.models import (
    REGISTRY,
    ModelFolderError,
    ModelName,
    UnknownModelError,
    UnsupportedFamilyError,
    count_lora_parameters,
    get_model_facts,
)

# size: total, active, one layer, weights in linear modules (None where experts are fused)
COUNTED = {
    "0.6B": (596_049_920, 596_049_920, 15_730_944, 440_401_920),
    "1.7B": (1_720_574_976, 1_720_574_976, 50_336_000, 1_409_286_144),
    "4B": (4_022_468_096, 4_022_468_096, 100_930_816, 3_633_315_840),
    "8B": (8_190_735_360, 8_190_735_360, 192_946_432, 6_945_767_424),
    "14B": (14_768_307_200, 14_768_307_200, 330_311_936, 13_212_057_600),
    "32B": (32_762_123_264, 32_762_123_264, 487_598_336, 31_205_621_760),
    "30B-A3B": (30_532_122_624, 3_353_032_704, 623_120_640, None),
    "235B-A22B": (235_093_634_560, 22_190_763_520, 2_487_755_008, None),
}
CONFIG = {
    "model_type": "qwen3",
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "intermediate_size": 128,
    "vocab_size": 1000,
    "max_position_embeddings": 512,
    "tie_word_embeddings": True,
    "eos_token_id": 151645,
}
EXPERTS = {"model_type": "qwen3_moe", "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}


def _folder(path, config, tokenizer=None, template=None):
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    if tokenizer is not None:
        (path / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    if template is not None:
        (path / "chat_template.jinja").write_text(template)
    return path


@pytest.mark.parametrize("size", COUNTED)
def test_counts_are_the_released_ones(size):
    facts = get_model_facts(f"Qwen/Qwen3-{size}")
    total, active, layer, linear = COUNTED[size]
    assert (facts.parameters, facts.active_parameters, facts.layer_parameters) == (total, active, layer)
    assert linear is None or facts.linear_parameters == linear
    assert facts.dense == (linear is not None)


def test_every_variant_has_the_shape_of_its_namesake():
    for name, facts in REGISTRY.items():
        size = name.removeprefix("Qwen/Qwen3-").split("-Base")[0].split("-Instruct")[0].split("-Thinking")[0]
        assert facts.parameters == COUNTED[size][0]
        assert facts.origin == "registry" and not facts.local and len(facts.revision) == 40


def test_registry_is_the_release():
    by_variant = {}
    for facts in REGISTRY.values():
        by_variant.setdefault(facts.variant, set()).add((facts.max_positions, facts.eos_token))
    assert by_variant == {
        "hybrid": {(40_960, "<|im_end|>")},
        "base": {(32_768, "<|endoftext|>")},
        "instruct-2507": {(262_144, "<|im_end|>")},
        "thinking-2507": {(262_144, "<|im_end|>")},
    }
    assert len(REGISTRY) == len({facts.revision for facts in REGISTRY.values()}) == 20
    assert {facts.pad_token for facts in REGISTRY.values()} == {"<|endoftext|>"}


def test_rope_theta():
    assert get_model_facts("Qwen/Qwen3-8B").rope_theta == 1e6
    assert get_model_facts("Qwen/Qwen3-4B-Instruct-2507").rope_theta == 5e6
    assert get_model_facts("Qwen/Qwen3-30B-A3B-Thinking-2507").rope_theta == 1e7


def test_layer_classes():
    assert get_model_facts("Qwen/Qwen3-8B").layer_class == "Qwen3DecoderLayer"
    assert get_model_facts("Qwen/Qwen3-30B-A3B").layer_class == "Qwen3MoeDecoderLayer"
    assert get_model_facts("Qwen/Qwen3-30B-A3B").linear_modules == ("q_proj", "k_proj", "v_proj", "o_proj")


ALL = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@pytest.mark.parametrize(
    ("size", "all_linear", "query_value", "attention"),
    [
        ("0.6B", 630_784, 143_360, 286_720),
        ("1.7B", 1_089_536, 200_704, 401_408),
        ("4B", 2_064_384, 368_640, 737_280),
        ("8B", 2_727_936, 479_232, 958_464),
        ("14B", 4_014_080, 655_360, 1_310_720),
        ("32B", 8_388_608, 1_245_184, 2_490_368),
    ],
)
def test_lora_counts(size, all_linear, query_value, attention):
    facts = get_model_facts(f"Qwen/Qwen3-{size}")
    assert facts.linear_modules == ALL
    assert count_lora_parameters(facts, 1, ALL) == all_linear
    assert count_lora_parameters(facts, 16, ("q_proj", "v_proj")) == 16 * query_value
    assert count_lora_parameters(facts, 64, ALL[:4]) == 64 * attention


def test_lora_counts_measured_on_a_gpu():
    assert count_lora_parameters(get_model_facts("Qwen/Qwen3-4B"), 16, ALL, dora=True) == 34_136_064
    assert count_lora_parameters(get_model_facts("Qwen/Qwen3-0.6B"), 16, ALL) == 10_092_544


def test_lora_counts_of_experts():
    facts = get_model_facts("Qwen/Qwen3-30B-A3B")
    assert count_lora_parameters(facts, 8, facts.linear_modules) == 6_684_672
    assert count_lora_parameters(facts, 8, (*ALL, "gate")) == 498_253_824


def test_lora_target_that_is_not_there():
    with pytest.raises(ValueError, match=r"no module query; it has q_proj"):
        count_lora_parameters(get_model_facts("Qwen/Qwen3-4B"), 8, ["query"])


def test_case_does_not_matter():
    assert get_model_facts("qwen/qwen3-4b-instruct-2507").id == "Qwen/Qwen3-4B-Instruct-2507"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Qwen3-4B", "did you mean Qwen/Qwen3-4B?"),
        ("Qwen/Qwen3-4B-Instruct", "did you mean Qwen/Qwen3-4B-Instruct-2507?"),
        ("Qwen/Qwen3-7B", "Qwen/Qwen3-8B"),
        ("unsloth/Qwen3-8B", "model: {id: unsloth/Qwen3-8B, like: Qwen/Qwen3-8B}"),
        ("me/support-bot", "model: {id: me/support-bot, like: Qwen/Qwen3-4B-Instruct-2507}"),
        ("", "is not a folder"),
        ("~nobody-at-all/model", "is not a folder"),
        ("./nowhere", "is not a folder"),
        ("x" * 5000, "is not a folder"),
    ],
)
def test_unknown_model(name, told, empty_hub_cache):
    with pytest.raises(UnknownModelError) as raised:
        get_model_facts(name)
    assert told in str(raised.value)
    assert "like:" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("Qwen/Qwen3.6-27B", "Qwen3.6"),
        ("Qwen/Qwen3.5-4B", "Qwen3.5"),
        ("Qwen/Qwen2.5-7B-Instruct", "Qwen2 or Qwen2.5"),
        ("unsloth/Qwen2-0.5B", "Qwen2 or Qwen2.5"),
        ("Qwen/Qwen2.5-VL-3B-Instruct", "Qwen2.5-VL"),
        ("Qwen/Qwen3-VL-8B-Instruct", "Qwen3-VL"),
        ("Qwen/Qwen3-Omni-30B-A3B-Instruct", "Qwen3-Omni"),
        ("Qwen/Qwen3-Next-80B-A3B-Instruct", "Qwen3-Next"),
        ("Qwen/Qwen3-Coder-Next", "Qwen3-Next"),
        ("Qwen/Qwen-7B-Chat", "Qwen1.5"),
        ("mistralai/Mistral-7B-v0.1", "Mistral"),
        ("meta-llama/Llama-3.1-8B", "Llama"),
    ],
)
def test_other_families_are_refused_by_name_and_nothing_is_suggested(name, family, empty_hub_cache):
    with pytest.raises(UnsupportedFamilyError) as raised:
        get_model_facts(name)
    assert f"belongs to the family {family}, which is not supported" in str(raised.value)
    assert "did you mean" not in str(raised.value)


def test_folder_relative_to_the_recipe(tmp_path):
    _folder(tmp_path / "runs" / "merged", CONFIG, {"eos_token": "<|im_end|>"}, read_template("hybrid"))
    facts = get_model_facts("runs/merged", tmp_path)
    assert (facts.id, facts.variant, facts.folder) == ("runs/merged", "hybrid", tmp_path / "runs/merged")
    assert facts.local and facts.dense and facts.revision is None
    assert facts.parameters == 1000 * 64 + 2 * (64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 128 + 2 * 16 + 2 * 64) + 64


def test_folder_of_a_hub_name_wins(tmp_path):
    _folder(tmp_path / "Qwen" / "Qwen3-4B", CONFIG)
    assert get_model_facts("Qwen/Qwen3-4B", tmp_path).layers == 2


@pytest.mark.parametrize("variant", ["hybrid", "base", "instruct-2507", "thinking-2507"])
def test_variant_by_template(tmp_path, variant):
    eos = "<|endoftext|>" if variant == "base" else "<|im_end|>"
    tokenizer = {"eos_token": {"content": eos}, "chat_template": read_template(variant)}
    facts = get_model_facts(str(_folder(tmp_path / "m", CONFIG, tokenizer)))
    assert (facts.variant, facts.eos_token, facts.pad_token) == (variant, eos, "<|endoftext|>")


def test_first_hybrid_revisions_had_the_base_template(tmp_path):
    config = CONFIG | {"max_position_embeddings": 40_960}
    folder = _folder(tmp_path, config, {"eos_token": "<|im_end|>"}, read_template("base"))
    assert get_model_facts(str(folder)).variant == "hybrid"


def test_base_that_was_taught_to_end_turns_is_base(tmp_path):
    config = CONFIG | {"max_position_embeddings": 32_768}
    folder = _folder(tmp_path, config, {"eos_token": "<|im_end|>"}, read_template("base"))
    assert (get_model_facts(str(folder)).variant, get_model_facts(str(folder)).eos_token) == ("base", "<|im_end|>")


def test_unknown_template_and_no_tokenizer(tmp_path):
    assert get_model_facts(str(_folder(tmp_path / "a", CONFIG, {}, "{{ messages }}"))).variant == "unknown"
    bare = get_model_facts(str(_folder(tmp_path / "b", CONFIG | {"eos_token_id": [151643]})))
    assert (bare.variant, bare.eos_token, bare.pad_token) == ("unknown", "<|endoftext|>", "<|endoftext|>")


def test_folder_with_experts(tmp_path):
    facts = get_model_facts(str(_folder(tmp_path, CONFIG | EXPERTS)))
    assert (facts.experts, facts.experts_per_token, facts.moe_intermediate_size) == (4, 2, 32)
    assert facts.layer_class == "Qwen3MoeDecoderLayer"
    assert facts.parameters - facts.active_parameters == 2 * 2 * 3 * 64 * 32


def test_rope_theta_of_either_transformers(tmp_path):
    assert get_model_facts(str(_folder(tmp_path / "a", CONFIG | {"rope_theta": 5e6}))).rope_theta == 5e6
    newer = CONFIG | {"rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}}
    assert get_model_facts(str(_folder(tmp_path / "b", newer))).rope_theta == 1e6
    assert get_model_facts(str(_folder(tmp_path / "c", CONFIG))).rope_theta == 1e4


@pytest.mark.parametrize(
    ("model_type", "family"), [("qwen3_5", "Qwen3.5"), ("llama", "Llama"), ("qwen3_next", "Qwen3-Next"), ("x9", "")]
)
def test_other_architecture_is_refused_by_its_name(tmp_path, model_type, family):
    nested = {"model_type": model_type, "text_config": {k: v for k, v in CONFIG.items() if k != "model_type"}}
    with pytest.raises(UnsupportedFamilyError, match=f"{family}.*model_type {model_type}"):
        get_model_facts(str(_folder(tmp_path, nested)))


def test_text_config_is_read(tmp_path):
    nested = {"model_type": "qwen3", "tie_word_embeddings": True, "text_config": {**CONFIG, "model_type": "qwen3_text"}}
    facts = get_model_facts(str(_folder(tmp_path, nested)))
    assert (facts.model_type, facts.layers, facts.tied_embeddings) == ("qwen3", 2, True)


def test_experts_as_transformers_5_counts_them(tmp_path):
    newer = {"num_local_experts" if key == "num_experts" else key: value for key, value in EXPERTS.items()}
    assert get_model_facts(str(_folder(tmp_path, CONFIG | newer))).experts == 4


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a JSON object"),
        ({k: v for k, v in CONFIG.items() if k != "model_type"}, "lacks model_type"),
        ({k: v for k, v in CONFIG.items() if k not in ("hidden_size", "vocab_size")}, "lacks hidden_size, vocab_size"),
        (CONFIG | {"model_type": "qwen3_moe"}, "lacks num_experts, num_experts_per_tok, moe_intermediate_size"),
        (CONFIG | {"hidden_size": "wide", "head_dim": 0}, "hidden_size, head_dim must be a whole number above 0"),
    ],
)
def test_bad_folder(tmp_path, config, message):
    with pytest.raises(ModelFolderError, match=message):
        get_model_facts(str(_folder(tmp_path, config)))


def test_folder_without_config(tmp_path):
    with pytest.raises(ModelFolderError, match=r"is not a model folder: config\.json is missing"):
        get_model_facts(str(tmp_path))


def test_config_that_is_not_text(tmp_path):
    (tmp_path / "config.json").write_bytes(b"\xff\xfe")
    with pytest.raises(ModelFolderError, match="cannot read"):
        get_model_facts(str(tmp_path))


@pytest.mark.parametrize(("chat", "told"), [("", True), ("chat: {template: hybrid}\n", False)])
def test_commands_tell_of_a_folder_s_template_unless_the_recipe_names_one(tmp_path, chat, told):
    folder = _folder(tmp_path / "model", CONFIG, {}, "{{ messages }}")
    recipe = tmp_path / "r.yaml"
    recipe.write_text(f"version: 1\nmodel: {folder}\ndata: {{train: rows.jsonl}}\n{chat}run: {{backend: axolotl}}\n")
    said = CliRunner().invoke(main, ["plan", str(recipe), "--gpu", "h100"]).stderr
    assert ("uses a custom chat template" in said) is told


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("unsloth/Qwen3-8B-bnb-4bit", "Qwen/Qwen3-8B"),
        ("Qwen/Qwen3-Embedding-0.6B", "Qwen/Qwen3-0.6B"),
        ("me/support-30b-a3b", "Qwen/Qwen3-30B-A3B"),
        ("./models/mine-32B", "Qwen/Qwen3-32B"),
        ("Qwen/Qwen3-32B-Instruct", "Qwen/Qwen3-32B"),
        ("Qwen/Qwen3-4B-Thinking", "Qwen/Qwen3-4B-Thinking-2507"),
        ("me/70b", "FOLDER-OR-ID"),
        ("Qwen/Qwen3-7B", "FOLDER-OR-ID"),
        ("deepseek-ai/DeepSeek-R1-0528-Qwen3-8B", "FOLDER-OR-ID"),
    ],
)
def test_like_is_a_release_of_the_size_that_the_name_says(name, like, tmp_path):
    with pytest.raises(UnknownModelError, match=f"like: {like}}}"):
        get_model_facts(name, tmp_path)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("https://huggingface.co/Qwen/Qwen3-8B", "an address, not a hub id; model: Qwen/Qwen3-8B"),
        ("https://hf.co/qwen/qwen3-8b/tree/main", "an address, not a hub id; model: Qwen/Qwen3-8B"),
        ("huggingface.co/me/bot", "an address, not a hub id; model: me/bot"),
        ("hf://me/bot", "an address, not a hub id; model: me/bot"),
        ("https://hf.co/me/bot/tree/v2", "an address, not a hub id; model: {id: me/bot, revision: v2}"),
        ("https://modelscope.cn/models/me/bot", "an address, not a hub id; model: {id: me/bot, source: modelscope}"),
        ("me/bot@v2", "holds a revision beside the hub id; model: {id: me/bot, revision: v2}"),
        ("qwen3:8b", "not a hub id; model: Qwen/Qwen3-8B"),
        ("qwen3:30b-a3b-q4_K_M", "not a hub id; model: Qwen/Qwen3-30B-A3B"),
        ("qwen3:4b-instruct-2507-q4_K_M", "not a hub id; model: Qwen/Qwen3-4B-Instruct-2507"),
        ("me/bot:latest", "not a hub id; model: the id on the Hugging Face hub"),
        ("model/config.json", "is a file, not a folder; model: model"),
        ("bot.gguf", "is a GGUF file, which cannot be trained; model: the repository"),
    ],
)
@pytest.mark.parametrize("like", [None, "Qwen/Qwen3-8B"])
def test_a_name_that_no_framework_loads_is_refused_with_the_one_to_write(name, told, like, tmp_path, empty_hub_cache):
    _folder(tmp_path / "model", CONFIG)
    (tmp_path / "bot.gguf").write_bytes(b"GGUF")
    with pytest.raises(UnknownModelError) as raised:
        get_model_facts(ModelName(name, like=like), tmp_path)
    assert told in str(raised.value)


def test_like_does_not_make_a_release_of_another_family_one_of_qwen3(empty_hub_cache):
    for name in ("Qwen/Qwen3-VL-8B-Instruct", "meta-llama/Llama-3.1-8B", "qwen2.5:7b"):
        with pytest.raises(UnsupportedFamilyError):
            get_model_facts(ModelName(name, like="Qwen/Qwen3-8B"))
    assert get_model_facts(ModelName("me/my-llama", like="Qwen/Qwen3-8B")).layers == 36


@pytest.mark.parametrize("place", ["checkpoint-20", "snapshots/abc"])
def test_a_folder_around_a_model_names_the_model(place, tmp_path):
    _folder(tmp_path / "run" / place, CONFIG)
    with pytest.raises(ModelFolderError, match=f"config.json is missing; model: .*{place}$"):
        get_model_facts("run", tmp_path)


@pytest.mark.parametrize(
    ("config", "stored"),
    [
        ({"quantization": {"group_size": 64, "bits": 4}}, ("mlx", 4)),
        ({"quantization_config": {"group_size": 64, "bits": 8}}, ("mlx", 8)),
        ({"compression_config": {"quant_method": "compressed-tensors", "bits": 4}}, ("compressed-tensors", 4)),
        ({"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}, ("nvfp4", 4)),
    ],
)
def test_every_key_that_tells_of_quantized_weights_is_read(config, stored, tmp_path):
    found = get_model_facts(str(_folder(tmp_path, CONFIG | config))).quantization
    assert found and (found.method, found.bits) == stored
