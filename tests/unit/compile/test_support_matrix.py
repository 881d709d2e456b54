"""The matrix: a cell for every field and framework, as the compiler records it."""

from __future__ import annotations

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.compile.field_probes import FIELD_PROBES
from qwen_recipes.compile.support_matrix import build_support_matrix, describe_cell
from tests.conftest import BACKENDS


@pytest.fixture(scope="module", params=BACKENDS)
def cells(request):
    return {cell.field: cell for cell in build_support_matrix(load_backend(request.param))}


def test_every_field_has_a_cell_that_says_something(cells):
    assert set(cells) == set(FIELD_PROBES)
    for cell in cells.values():
        assert cell.why if cell.level == "unsupported" else cell.keys or cell.how, cell.field
        assert describe_cell(cell).startswith(cell.level)


def test_a_rate_is_native_and_rows_are_emulated(cells):
    assert cells["training.learning_rate"].level == "native"
    assert cells["training.learning_rate"].keys == ("learning_rate",)
    assert cells["data.train[].columns"].level == "emulated"
    assert "in the prepared data" in cells["data.train[].columns"].how
    assert "the launcher" in cells["hardware.nodes"].how


def test_what_is_unsupported_says_why(cells):
    backend = next(iter(cells.values())).backend
    assert (cells["objective.kl_weight"].level == "unsupported") == (backend != "ms-swift")
