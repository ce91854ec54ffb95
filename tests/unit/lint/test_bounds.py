"""What the package asks of its libraries: nothing older than what it was tested with can do."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from lint.locks import read_lock

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDED = {one.name: one for one in map(Requirement, PROJECT["dependencies"])}
PINNED = {one.name: one.version for one in read_lock(ROOT / "requirements" / "runtime.txt")}
GENERATED = ROOT / "decision_service" / "api" / "v1"


@pytest.mark.parametrize("name", NEEDED)
def test_a_library_has_a_lower_bound_that_the_lock_meets(name: str) -> None:
    """Each has exactly a least version, and the tests run with that release or a later one."""
    [bound] = NEEDED[name].specifier
    assert bound.operator == ">="
    assert bound.contains(PINNED[name])


def test_a_plain_install_has_nothing_that_only_rule_writers_need() -> None:
    """Neither by itself nor by another library."""
    extras = PROJECT["optional-dependencies"]
    named = {Requirement(one).name for one in (*extras["workbench"], *extras["ray"])}
    assert named == {"pyarrow", "ray", "z3-solver"}
    assert not named & {*NEEDED, *PINNED}


def test_generated_code_can_be_imported_at_the_lower_bounds() -> None:
    """It refuses older libraries than those that it was generated for."""
    messages = (GENERATED / "values_pb2.py").read_text(encoding="utf-8")
    numbers = re.search(r"Domain\.PUBLIC,\s+(\d+),\s+(\d+),\s+(\d+)", messages)
    assert numbers is not None
    services = (GENERATED / "decision_service_pb2_grpc.py").read_text(encoding="utf-8")
    version = re.search(r"GRPC_GENERATED_VERSION = '([\d.]+)'", services)
    assert version is not None
    assert _least("protobuf") >= Version(".".join(numbers.groups()))
    assert _least("grpcio") >= Version(version[1])


def _least(name: str) -> Version:
    [bound] = NEEDED[name].specifier
    return Version(bound.version)
