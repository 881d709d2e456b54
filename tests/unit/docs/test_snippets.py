"""The check of the documentation notices what is wrong."""

from __future__ import annotations

import pytest

from tools.docs import links, snippets
from tools.docs.links import check_link
from tools.docs.markdown import list_anchors, list_links
from tools.docs.snippets import run_page, update_page


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Write a page that counts as one of the documentation."""
    monkeypatch.setattr(snippets, "ROOT", tmp_path)
    monkeypatch.setattr(links, "DOCS", tmp_path)

    def write(text):
        file = tmp_path / "page.md"
        file.write_text(text, "utf-8")
        return file

    return write


def problems(file):
    return "\n".join(run_page(file).problems)


GOOD = """
```text title="a.txt"
one
two
three
```

```console
$ cat a.txt
one
...
three
$ false
$ echo $?
1
```

```python
print(open("a.txt").read().count("o"))
```

```text
2
```
"""


def test_a_page_that_is_right(page):
    assert problems(page(GOOD)) == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("```sh\ncat nothing\n```\n", "exits 1"),
        ("```console\n$ echo 1\n2\n```\n", "the output differs"),
        ("```console\n$ false\n```\n", "exits 1, which the page does not show"),
        ("```python\nprint(1)\n```\n\n```text\n2\n```\n", "the output differs"),
        ("```python\n1 / 0\n```\n", "ZeroDivisionError"),
        ("```json\n{\n```\n", "json does not parse"),
        ("```yaml\na: [\n```\n", "YAML does not parse"),
        ("```yaml\ntraining: {epohcs: 3}\n```\n", "recipes lint exits 1"),
        ("<!-- docs: has errors -->\n```yaml\ntraining: {epochs: 3}\n```\n", "recipes lint exits 0"),
    ],
)
def test_what_is_wrong_is_noticed(page, text, problem):
    assert problem in problems(page(text))


def test_outputs_are_written_into_the_page(page):
    file = page("```console\n$ echo 1; echo 2\n$ echo 3\n```\n")
    update_page(run_page(file))
    assert file.read_text("utf-8") == "```console\n$ echo 1; echo 2\n1\n2\n$ echo 3\n3\n```\n"
    assert problems(file) == ""


def test_commands_that_need_the_network_are_not_run(page):
    assert problems(page("```sh\npip install nothing-of-that-name\n```\n")) == ""


def test_dead_links(page):
    file = page("# A `heading`\n\n[good](#a-heading) [bad](#none) [gone](gone.md) `[code](no.md)`\n")
    targets = [target for _, target in list_links(file.read_text("utf-8"))]
    assert [check_link(file, target) for target in targets] == ["", "no such heading", "there is no such file"]
    assert list_anchors("# One\n# One\n## training.learning_rate\n") == {"one", "one-1", "traininglearning_rate"}
