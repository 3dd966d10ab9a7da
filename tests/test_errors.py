"""Messages name options on the command line, and arguments in Python."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
import typer.main

import xsift
from xsift.cli.app import app
from xsift.errors import MissingColumnsError, XsiftError, XsiftWarning, for_reader, options_named
from xsift.settings import EvaluationSettings, Settings

GROUP = typer.main.get_command(app)
COMMANDS = [c for g in GROUP.commands.values() for c in getattr(g, "commands", {"": g}).values()]
OPTIONS = sorted(
    {
        o
        for c in COMMANDS
        for p in c.params
        for o in (*p.opts, *p.secondary_opts)
        if o.startswith("--")
    }
    | {"--version"}
)
ARGUMENTS = {"--column": "columns", "--format": "formats"}
SRC = Path(xsift.__file__).parent


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_becomes_an_argument(option):
    name = ARGUMENTS.get(option, option[2:].replace("-", "_"))
    for before, after in (("give ", " COL"), ("", ": allowed"), ("(", ")"), ("a, ", "."), ("", "")):
        assert for_reader(before + option + after) == before + name + after
        with options_named():
            assert for_reader(before + option + after) == before + option + after


def test_every_setting_is_an_option_or_needs_none():
    for field in (*fields(Settings), *fields(EvaluationSettings)):
        options = [option for option in OPTIONS if for_reader(option) == field.name]
        assert options, field.name


@pytest.mark.parametrize(
    "text", ["a--b.csv", "x --", "---", "--B", "dir/--seed", "--seed.csv", "-s"]
)
def test_what_is_no_option_is_left(text):
    assert for_reader(text) == text


@pytest.mark.parametrize("kind", [XsiftError, XsiftWarning])
def test_errors_and_warnings(kind):
    said = kind("give --label-column COL")
    assert str(said) == "give label_column COL"
    with options_named():
        assert str(said) == "give --label-column COL"
    assert str(kind()) == ""


def test_missing_columns():
    error = MissingColumnsError("t.csv", ["name"], ["x"], "Name it with --source-column")
    assert str(error) == "t.csv: missing column name. Name it with source_column"


def test_the_command_line_names_options(files, xsift):
    said = xsift("run", files / "table.parquet", "--out", files / "none")
    assert said.err.splitlines()[-1] == (
        "xsift: no known objects: give --labels FILE or --label-column COL"
    )
    import xsift as package

    with pytest.raises(
        XsiftError, match=r"^no known objects: give labels FILE or label_column COL$"
    ):
        package.run(files / "table.parquet")


def test_messages_name_options_that_there_are():
    """A message may also name an option that is built from a name."""
    for path in SRC.rglob("*.py"):
        for option in re.findall(
            r"(?<=[\" (])--[a-z][a-z-]*[a-z](?=[\s\"',:;.)])", path.read_text()
        ):
            assert option in OPTIONS, f"{path.name} names {option}"
