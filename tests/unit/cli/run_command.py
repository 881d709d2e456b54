"""Run a command of `recipes` in this process."""

from click.testing import CliRunner

from qwen_recipes.cli import main


def run(*args, **named):
    result = CliRunner().invoke(main, [str(a) for a in args], prog_name="recipes", **named)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result
