"""The blocks of docs/install.md, typed in their order in one shell of a bare machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.release.build import OUT, ROOT

PAGE = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
PLATFORMS = ("chown", "docker", "helm", "kubectl", "systemctl", "systemd-run", "useradd")
"""Programs that need a platform or change the machine: what they are called with is noted."""
NOTE = '#!/bin/sh\necho "$(basename "$0") $*" >> "$NOTES"\n'
PYTHON = Path(sys.base_prefix, "bin")


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a release after every block was typed there; each line must end with 0."""
    machine = tmp_path_factory.mktemp("machine")
    release = machine / "release"
    shutil.copytree(OUT, release)
    platforms = machine / "platforms"
    for place in (platforms, machine / "opt", machine / "etc/systemd/system"):
        place.mkdir(parents=True)
    for name in PLATFORMS:
        program = platforms / name
        program.write_text(NOTE)
        program.chmod(0o755)
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    commands = "".join(text for language, text in fenced if not language)
    # The page's places on the machine are below this folder.
    script = "set -e\n" + re.sub(r"(?<![\w/.])(?=/(?:opt|etc)/)", str(machine), commands)
    kept = {name: one for name, one in os.environ.items() if name.startswith("PIP_")}
    environment = kept | {
        "PATH": f"{platforms}:{PYTHON}:/usr/bin:/bin",
        "HOME": str(machine),
        "NOTES": str(machine / "notes.txt"),
    }
    done = subprocess.run(
        ["bash", "-x", "-c", script], cwd=release, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return machine


def test_every_block_runs_as_typed(typed: Path) -> None:
    """With the program found where the page puts it, and each file where the next line looks."""
    assert (typed / "opt/decision-service/bin/decision-service").is_file()
    assert (typed / "etc/decision-service/environment").read_text().startswith("#")
    assert (typed / "etc/systemd/system/decision-service@.service").is_file()


def test_platforms_are_given_files_that_are_there(typed: Path) -> None:
    """The chart for Helm, and for compose its file with the folders of rules, secrets and front."""
    notes = (typed / "notes.txt").read_text()
    release = typed / "release"
    [chart] = re.findall(r"^helm install loans (\S+)", notes, re.MULTILINE)
    assert (release / chart / "Chart.yaml").is_file()
    [site] = {*re.findall(r"^docker compose --file (\S+)/compose.yaml", notes, re.MULTILINE)}
    assert (release / site / "compose.yaml").is_file()
    assert {"rules", "secrets", "front"} <= {one.name for one in (release / site).iterdir()}
    assert "systemctl enable --now decision-service@1 decision-service@2" in notes
