"""`init`: a folder to begin with, from what the package holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from decision_service.runtime.config import load
from tests.unit.cli.commands import ROOT, SHIPPED, command


def files(top: Path) -> dict[str, bytes]:
    """The files below a folder, with their content."""
    found = (one for one in top.rglob("*") if one.is_file())
    return {str(one.relative_to(top)): one.read_bytes() for one in found}


def test_a_new_folder_has_rules_and_settings(capsys, tmp_path):
    """The starter rules with tests and plans, and a settings file that changes nothing as yet."""
    done = command(capsys, "init", tmp_path / "a" / "b")
    assert done.code == 0
    assert f"cd {tmp_path}/a/b\n" in done.out
    assert files(tmp_path / "a" / "b" / "rules") == files(SHIPPED)
    assert load(tmp_path / "a" / "b" / "decision-service.yaml", {}) == load(environ={})


def test_the_protos_are_written_for_clients(capsys, tmp_path):
    """Protos and the service config, in the folders by which they import each other."""
    assert command(capsys, "init", "--protos", tmp_path / "protos").code == 0
    written = files(tmp_path / "protos")
    assert "decision_service/api/v1/service_config.json" in written
    kept = {name for name in files(ROOT / "protos") if not name.endswith((".py", ".pyc"))}
    assert set(written) == kept


def test_the_files_for_operators_are_written(capsys, tmp_path):
    """Chart, compose file, units, front, alerts, dashboards, and scripts that can be run."""
    folder = tmp_path / "deploy"
    assert command(capsys, "init", "--deploy", folder).code == 0
    written = files(folder)
    assert {name.split("/")[0] for name in written} == {
        "chart", "compose", "drills", "front", "grafana", "prometheus", "systemd"
    }  # fmt: skip
    for name, content in written.items():
        assert content == (ROOT / "deploy" / name).read_bytes()
    assert not [name for name in written if name.endswith((".py", ".mk"))]
    assert os.access(folder / "drills" / "backup.sh", os.X_OK)
    assert "chart/decision-service/templates/_pod.tpl" in written


def test_two_kinds_of_folder_are_two_calls(capsys, tmp_path):
    """Nothing is written, and one sentence says so."""
    done = command(capsys, "init", "--deploy", "--protos", tmp_path / "both")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert not (tmp_path / "both").exists()


@pytest.mark.parametrize("options", [[], ["--protos"], ["--deploy"]])
@pytest.mark.parametrize("name", ["notes.txt", ".git"])
def test_a_folder_with_anything_in_it_is_left_alone(capsys, tmp_path, options, name):
    """Exit code 2, the name of what is there, and nothing is written."""
    (tmp_path / name).write_text("mine")
    done = command(capsys, "init", *options, tmp_path)
    assert done.code == 2
    assert done.err == f"{tmp_path} is not empty ({name} is in it): give a new folder\n"
    assert files(tmp_path) == {name: b"mine"}


def test_a_place_that_is_no_folder_is_told(capsys, tmp_path):
    """Exit code 2 and one sentence where a file stands in the way."""
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        done = command(capsys, "init", place)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert done.err.startswith(f"{place} cannot be written (")
