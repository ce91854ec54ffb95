"""The licences of what the lock files pin."""

from __future__ import annotations

import pytest

from lint.licences import Allowed, listed
from lint.locks import lock_files, read_lock
from tests.kits.cases import cases

ALLOWED = Allowed.read()
PINNED = [one for path in lock_files() for one in read_lock(path)]


def test_every_installed_package_has_an_allowed_licence() -> None:
    """Each one that this environment has; those of other systems are not installed."""
    found = dict(listed({one.name for one in PINNED}, ALLOWED))
    refused = {
        package: licence
        for package, licence in found.items()
        if licence != "not installed" and not ALLOWED.permits(package, licence)
    }
    assert refused == {}
    assert (found["certifi"], found["pathspec"]) == ("MPL-2.0", "MPL-2.0")


def test_every_pinned_file_has_a_hash() -> None:
    """In each of the lock files, none of which is empty."""
    assert len(PINNED) > 200
    assert [one.name for one in PINNED if not one.hashes] == []


@pytest.mark.parametrize(("package", "expression", "allowed"), cases("lint/licences"))
def test_an_expression_is_judged_by_its_parts(
    package: str, expression: str, *, allowed: bool
) -> None:
    """Of OR one side is enough, of AND all count; an exception is one package's."""
    assert ALLOWED.permits(package, expression) is allowed
