"""`python -m protos.build lint` finds a change that breaks clients of the last release."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FIELD = "  string application_id = 4;\n"


def linted(folder: Path, replacement: str) -> subprocess.CompletedProcess[str]:
    """What lint says of a copy of the protos, in which a field of an application is replaced."""
    shutil.copytree(ROOT / "protos", folder / "protos")
    (folder / "clients").mkdir()
    for name in ("buf.yaml", "clients/released.binpb"):
        shutil.copy(ROOT / name, folder / name)
    proto = folder / "protos/decision_service/api/v1/decision_service.proto"
    text = proto.read_text()
    assert text.count(FIELD) == 1
    proto.write_text(text.replace(FIELD, replacement))
    command = [sys.executable, "-m", "protos.build", "lint"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("replacement", "finding"),
    [
        ("", 'Previously present field "4" with name "application_id"'),
        (FIELD.replace("string", "int64"), "changed type"),
        (FIELD.replace("application_id", "application"), "changed name"),
    ],
    ids=["removed", "of another type", "renamed"],
)
def test_a_breaking_change_is_found(tmp_path: Path, replacement: str, finding: str) -> None:
    """A field that is removed, or that means something else."""
    found = linted(tmp_path, replacement)
    assert found.returncode != 0
    assert finding in found.stdout + found.stderr


def test_a_further_field_breaks_nobody(tmp_path: Path) -> None:
    """Within v1 the contract grows."""
    found = linted(tmp_path, f"{FIELD}  // Of no use.\n  string further = 99;\n")
    assert found.returncode == 0, found.stdout
