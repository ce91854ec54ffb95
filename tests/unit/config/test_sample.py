"""The sample file: made from the settings, committed, and true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from decision_service.runtime.config import SampleForm, default_text, load, read, sample
from decision_service.runtime.settings import Settings
from tests.unit.cli.commands import command

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "deploy" / "decision-service.yaml"
LINE = re.compile(r"^#(DECISION_[A-Z_]+): (.*)$", re.MULTILINE)


def test_the_committed_sample_is_fresh(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It is what the settings give; another file is exit code 1 with the command to write it."""
    assert command(capsys, "config", "sample", "--check", COMMITTED).code == 0
    stale = tmp_path / "old.yaml"
    stale.write_text(COMMITTED.read_text("utf-8").replace("30s", "31s"), "utf-8")
    done = command(capsys, "config", "sample", "--check", stale)
    assert (done.code, "write it anew" in done.err) == (1, True)


def test_the_sample_sets_nothing() -> None:
    """Every line is a comment, so that a copy of it changes nothing until it is edited."""
    assert yaml.safe_load(sample()) is None
    lines = sample(SampleForm.ENV).splitlines()
    assert all(line.startswith("#") or not line for line in lines)


def test_each_line_of_the_sample_may_be_used() -> None:
    """Every setting is there, described, with a value that it takes: its default if it has one."""
    values, defaults = dict(LINE.findall(sample())), load(environ={})
    for name, field in Settings.model_fields.items():
        shown = f"DECISION_{name.upper()}"
        assert read(environ={shown: values[shown]}).settings is not None, name
        assert field.description
        if default := default_text(name):
            assert values[shown] == default
            assert getattr(load(environ={shown: default}), name) == getattr(defaults, name)


def test_both_forms_say_the_same() -> None:
    """The environment file has the lines of the YAML file with another sign between."""
    env = re.sub(r"^#(DECISION_[A-Z_]+)=", r"#\1: ", sample(SampleForm.ENV), flags=re.MULTILINE)
    assert env == sample()


def test_no_page_names_a_setting_without_its_prefix() -> None:
    """What a reader copies from the docs, the unit or the sample is the name as it is set."""
    own = "|".join(sorted((name.upper() for name in Settings.model_fields), key=len, reverse=True))
    bare = re.compile(rf"(?<![A-Z_…])({own})(_FILE)?(?![A-Z_])")
    pages = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", *(ROOT / "deploy").rglob("*.*")]
    written = [page for page in pages if page.is_file() and page.suffix != ".pyc"]
    texts = {page: page.read_text("utf-8") for page in written}
    found = {str(page): match[0] for page, text in texts.items() if (match := bare.search(text))}
    assert found == {}


def test_the_docs_have_every_setting_and_no_other() -> None:
    """The table of docs/install.md names each setting as it is set."""
    text = (ROOT / "docs" / "install.md").read_text("utf-8")
    table = text.partition("## Settings")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = re.findall(r"`(\w+)`", " ".join(rows))
    assert sorted(named) == sorted(f"DECISION_{name.upper()}" for name in Settings.model_fields)
