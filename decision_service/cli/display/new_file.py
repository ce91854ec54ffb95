"""Files that a command writes whole, where none was before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from decision_service.cli.errors import CommandError, Exit

OWNER_ALONE, BY_UMASK = 0o600, 0o666


@contextmanager
def new_file(path: Path, mode: int = BY_UMASK) -> Iterator[BinaryIO]:
    """A new file of this mode, removed again where the block fails; raises CommandError."""
    with _begun(path, mode) as file:
        try:
            yield file
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _begun(path: Path, mode: int) -> BinaryIO:
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    except FileExistsError:
        raise CommandError(f"{path} is there already: choose another name", Exit.USAGE) from None
    except OSError as error:
        raise CommandError(
            f"{path} cannot be written ({error.strerror}): choose another place", Exit.USAGE
        ) from None
    return os.fdopen(handle, "wb")
