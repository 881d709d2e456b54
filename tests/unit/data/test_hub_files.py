"""Which files of a repository are a split of a data set."""

import pytest

from qwen_recipes.data.hub_files import UnknownSplitError, choose_split_files

SHARDS = ["README.md", ".gitattributes", "data/train_sft-00000-of-00002.parquet",
          "data/train_sft-00001-of-00002.parquet", "data/test_sft-00000-of-00001-a1b2c3.parquet"]  # fmt: skip
PLAIN = ["train.jsonl", "eval.jsonl", "dataset_infos.json", "notes.md"]
CONFIGS = """---
license: mit
configs:
- config_name: en
  default: true
  data_files:
  - split: train
    path: en/train-*.parquet
  - split: test
    path: ["en/held/**"]
- config_name: de
  data_dir: de
---
# Rows
"""
ONE = "---\nconfigs:\n- config_name: x\n  data_files: b.jsonl\n---"
FILES = [
    "README.md",
    "en/train-0.parquet",
    "en/train-1.parquet",
    "en/held/deep/x.jsonl",
    "de/train.jsonl",
    "de/dev.csv",
]


@pytest.mark.parametrize(
    ("names", "readme", "subset", "split", "expected"),
    [
        (SHARDS, "", None, "train_sft", SHARDS[2:4]),
        (SHARDS, "", "default", "test_sft", SHARDS[4:]),
        (PLAIN, "", None, "train", ["train.jsonl"]),
        (PLAIN, "", None, "test", ["eval.jsonl"]),
        (["rows.jsonl", "b/more.json.gz"], "", None, "train", ["b/more.json.gz", "rows.jsonl"]),
        (["train/a.csv", "valid/b.csv"], "---\nnot: [closed\n---\n", None, "validation", ["valid/b.csv"]),
        (["math/train.jsonl", "code/train.jsonl"], "", "code", "train", ["code/train.jsonl"]),
        (FILES, CONFIGS, None, "train", FILES[1:3]),
        (FILES, CONFIGS, "en", "test", FILES[3:4]),
        (FILES, CONFIGS, "de", "validation", FILES[5:]),
        (["a.jsonl", "b.jsonl"], ONE, None, "train", ["b.jsonl"]),
    ],
)  # fmt: skip
def test_a_split_is_found(names, readme, subset, split, expected):
    assert choose_split_files(names, readme, subset, split) == expected


@pytest.mark.parametrize(
    ("names", "readme", "subset", "split", "told"),
    [
        (SHARDS, "", None, "train", "no split train; splits: test_sft, train_sft"),
        (SHARDS, "", "en", "train", "no subset en; folders: data"),
        (FILES, CONFIGS, "fr", "train", "no subset fr; subsets: en, de"),
        (FILES, CONFIGS.replace("  default: true\n", ""), None, "train", "several subsets, and `subset` names none"),
        (["README.md", "model.bin"], "", None, "train", "no files of rows"),
    ],
)
def test_an_unknown_split_is_named_with_those_that_are_there(names, readme, subset, split, told):
    with pytest.raises(UnknownSplitError, match=told):
        choose_split_files(names, readme, subset, split)
