"""Templates of strangers: rendered in a process with limits, which holds nothing that is worth taking."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from qwen_recipes.qwen import template_process
from qwen_recipes.qwen.chat_templates import (
    RenderError,
    find_template_problem,
    read_template,
    render_conversation,
)
from qwen_recipes.qwen.template_process import MAX_STOPS, TemplateProcess, TemplateProcessError, get_template_process

QUESTION = [{"role": "user", "content": "q"}]
HEAVY = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
TOO_MUCH = {
    "text times": "{{ 'a' * 10 ** 10 }}",
    "list times": "{{ ([0] * 10 ** 9)|length }}",
    "times a text": "{{ 10 ** 9 * 'a' }}",
    "power": "{{ 9 ** 999999999 }}",
    "power of powers": "{{ 9 ** (9 ** (9 ** 9)) }}",
    "product of products": "{% set n = namespace(v=9 ** 9999) %}{% for i in range(50) %}"
    "{% set n.v = n.v * n.v %}{% endfor %}",
    "nested ranges": HEAVY,
    "a range of ranges": "{% set ns = namespace(x=0) %}{% for a in range(99999) %}{% for b in range(99999) %}"
    "{% set ns.x = a %}{% endfor %}{% endfor %}",
    "doubling text": "{% set ns = namespace(s='a' * 999) %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}"
    "{% endfor %}",
    "doubling list": "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
    "padding": "{{ 'a'|center(10 ** 10) }}",
    "format": "{{ '%9999999999d' % 1 }}",
    "str.format": "{{ '{:9999999999}'.format(1) }}",
    "indent": "{{ ('a\n' * 9999)|indent(10 ** 9) }}",
    "lorem": "{{ lipsum(n=10 ** 6) }}",
    "macro in itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "deep parentheses": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "deep lists": "{{ " + "[" * 3000 + "]" * 3000 + " }}",
    "deep ifs": "{% if 1 %}" * 500 + "{% endif %}" * 500,
    "deep fors": "{% for i in [1] %}" * 100 + "{% endfor %}" * 100,
    "a long sum": "{{ " + "+".join("1" * 1 for _ in range(20000)) + " }}",
    "minus signs": "{{ " + "-" * 20000 + "1 }}",
}


@pytest.fixture
def quick(monkeypatch):
    """A process with a second of time."""
    monkeypatch.setattr(template_process, "MAX_SECONDS", 1)
    return TemplateProcess()


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_takes_too_much_is_stopped_and_the_next_one_is_rendered(quick, name):
    began = time.process_time()
    with pytest.raises(TemplateProcessError) as caught:
        quick.render(TOO_MUCH[name], {"messages": QUESTION})
    assert len(str(caught.value)) < 300
    assert quick.render("{{ messages[0].content }}!", {"messages": QUESTION}) == "q!"
    assert time.process_time() - began < 2, "the time was not spent here"


def test_a_template_that_is_stopped_again_and_again_is_not_started_again(quick):
    for _ in range(MAX_STOPS):
        with pytest.raises(TemplateProcessError, match="longer than 1 s"):
            quick.render(HEAVY, {})
    quick.process = None
    with pytest.raises(TemplateProcessError, match="longer than 1 s"):
        quick.render(HEAVY, {})
    assert quick.process is None


def test_the_process_has_nothing_to_take(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    process = TemplateProcess()
    process.compile("{{ 1 }}")
    here = Path("/proc") / str(process.process.pid)
    if not here.is_dir():
        pytest.skip("needs /proc")
    assert (here / "environ").read_bytes() in (b"", b"\0") and (here / "cwd").readlink() == Path("/")
    assert all(str(one.readlink()).startswith(("pipe:", "/dev/null")) for one in (here / "fd").iterdir())
    limits = (here / "limits").read_text()
    for name in ("Max open files", "Max file size", "Max processes", "Max core file size"):
        line = next(line for line in limits.splitlines() if line.startswith(name))
        assert line.removeprefix(name).split()[:2] == ["0", "0"], line
    assert f"{template_process.MAX_MEMORY}" in limits


def test_not_even_python_can_open_a_file_there():
    """What would happen behind a hole in the sandbox: the same limits, without a sandbox."""
    code = (
        "from qwen_recipes.qwen.template_worker import limit_process\n"
        "import os, socket\n"
        "limit_process(1 << 30)\n"
        "for attempt in (lambda: os.open('/etc/passwd', 0), lambda: socket.socket()):\n"
        "    try:\n        attempt()\n    except OSError as error:\n        print(error.errno)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert done.stdout.split() == ["24", "24"], done


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ lipsum.__globals__['os'].popen('id').read() }}",
        "{{ messages.append(1) }}",
        "{{ ('{0.__class__.__mro__}'|attr('format'))(1) }}",
        "{% set f = '{0.__class__}'.format %}{{ f(1) }}",
        "{{ {}|attr('__class__') }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}{{ os }}",
    ],
)
def test_nothing_of_python_is_reached(template):
    try:
        text = render_conversation(template, QUESTION)
    except RenderError:
        return
    assert "class" not in text and "root:" not in text and "uid=" not in text


def test_constants_are_folded_by_nobody(monkeypatch):
    """Compiling computes nothing: the time goes where it is limited by the row."""
    from qwen_recipes.qwen.jinja_sandbox import get_environment

    code = get_environment().compile("{{ 2 * 3 }}{{ 'a'|upper }}{{ 'b' ~ 'c' }}", raw=True)
    assert "6" not in code.replace("'6'", "") or "call_binop" in code
    assert "'A'" not in code and "'bc'" not in code


def test_official_templates_are_rendered_here(monkeypatch):
    monkeypatch.setattr(template_process, "get_template_process", lambda: pytest.fail("a process was asked for"))
    for text in (read_template("hybrid"), read_template("hybrid").rstrip("\n").replace("\n", "\r\n")):
        assert render_conversation(text, QUESTION).startswith("<|im_start|>user\nq<|im_end|>")
        assert find_template_problem(text) is None


def test_a_template_may_ask_for_other_messages_than_the_trial_has():
    assert find_template_problem("{{ raise_exception('a system message, please') }}") is None
    assert find_template_problem("{{ missing.at.all }}") is None


def test_what_is_found_wrong():
    assert find_template_problem("{% for m in messages %}\n{{ m.content }\n").startswith("line 2: ")
    assert "characters or items" in find_template_problem("{{ 'a' * 10 ** 10 }}")
    assert "nested too deeply" in find_template_problem(TOO_MUCH["deep parentheses"])


def test_rows_that_json_does_not_hold():
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    for value in ({1, 2}, object(), b"bytes", deep):
        with pytest.raises(RenderError, match="not JSON"):
            render_conversation("{{ messages }}", [{"role": "user", "content": value}])
    assert render_conversation("{{ messages[0].content }}", [{"role": "user", "content": "\ud800"}]) == "\ud800"


def test_what_transformers_gives_templates_is_there():
    text = (
        "{% generation %}{{ {'b': 'ü', 'a': 1}|tojson }}{% endgeneration %}{{ strftime_now('%Y')|length }}"
        "{% for m in messages %}{% break %}{% endfor %}{{ messages|pprint|length > 1 }}{{ '<b>'|striptags|length }}"
    )
    assert render_conversation(text, QUESTION) == '{"b": "ü", "a": 1}4True0'
    with pytest.raises(RenderError, match="so not"):
        render_conversation("{{ raise_exception('so not') }}", QUESTION)


def test_a_process_that_dies_or_is_stopped_is_started_again():
    process = get_template_process()
    process.compile("{{ 1 }}")
    first = process.process
    first.kill()
    first.wait()
    assert process.render("{{ 2 }}", {}) == "2" and process.process is not first


def test_an_interrupt_leaves_no_answer_behind(monkeypatch):
    process = TemplateProcess()
    process.compile("{{ 1 }}")
    with monkeypatch.context() as patch:
        patch.setattr(template_process, "_send", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            process.render("{{ 1 }}", {})
    assert process.process is None and process.render("{{ 2 }}", {}) == "2"


def test_a_template_that_is_slow_for_each_of_many_conversations_is_refused(monkeypatch):
    monkeypatch.setattr(template_process, "WAITED_SECONDS", 0.2)
    monkeypatch.setattr(template_process, "MAX_MEAN_SECONDS", 0.002)
    process = template_process.TemplateProcess()
    slow = "{% for a in range(500) %}{% for b in range(500) %}{% endfor %}{% endfor %}x"
    with pytest.raises(template_process.TemplateLimitError, match="a conversation"):
        for _ in range(200):
            assert process.render(slow, {}) == "x"
    for _ in range(100):
        assert process.render("y", {}) == "y"


def test_what_a_template_says_is_wrong_is_cut():
    process = template_process.TemplateProcess()
    with pytest.raises(template_process.TemplateProcessError) as caught:
        process.compile("{{ 1|" + "y" * 500_000 + " }}")
    assert len(str(caught.value)) < 500
