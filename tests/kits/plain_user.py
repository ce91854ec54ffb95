"""Running a test without root's rights, so that permissions mean something."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

_NOBODY = 65534


@contextmanager
def plain_user() -> Iterator[None]:
    """Give up root's rights for a while; does nothing where there are none."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        if before == 0:
            os.seteuid(0)


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A temporary folder of the plain user's own, unlike pytest's, which only root can enter."""
    with plain_user(), TemporaryDirectory() as name:
        yield Path(name)
