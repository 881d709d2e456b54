"""Every encoding that a source may state is read."""

from typing import get_args

import pytest

from qwen_recipes.data.rows.row_reader import read_file_rows
from qwen_recipes.recipe.spec.model_and_data import Encoding

SAMPLES = {"cp1251": "Привет", "koi8-r": "Привет", "gb18030": "你好", "big5": "繁體", "shift_jis": "こんにちは"}
SAMPLES |= {"euc-jp": "こんにちは", "euc-kr": "안녕"}


@pytest.mark.parametrize("encoding", get_args(Encoding))
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv"])
def test_a_file_in_a_stated_encoding(encoding, name, tmp_path):
    text = SAMPLES.get(encoding, "Grüße")
    content = f'{{"text": "{text}"}}\n' if name.endswith("jsonl") else f"text\n{text}\n"
    (tmp_path / name).write_bytes(content.encode(encoding))
    assert [row.row for row in read_file_rows(tmp_path / name, encoding)] == [{"text": text}]
