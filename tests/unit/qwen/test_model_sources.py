"""Every source of a model in docs/reference/models.md, tried again."""

import json
from dataclasses import asdict

import pytest

from tools.model_sources import RESULTS, SOURCES, try_source

WRITTEN = json.loads(RESULTS.read_text("utf-8"))


def test_the_page_has_every_source():
    assert [(one["what"], one["model"]) for one in WRITTEN] == [(one.what, one.model) for one in SOURCES]
    assert len(SOURCES) >= 30


@pytest.mark.parametrize("written", WRITTEN, ids=lambda one: f"{one['where']}: {one['what']}")
def test_each_command_does_what_the_page_says(written):
    source = next(one for one in SOURCES if one.what == written["what"])
    assert asdict(try_source(source)) == written
