"""Files that a command writes whole, where none was before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from decision_service.cli.errors import CommandError, Exit


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A new file that its owner alone can read, removed again where the block fails.

    Raises CommandError.
    """
    with _begun(path) as file:
        try:
            yield file
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _begun(path: Path) -> BinaryIO:
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise CommandError(f"{path} is there already: choose another name", Exit.USAGE) from None
    except OSError as error:
        raise CommandError(
            f"{path} cannot be written ({error.strerror}): choose another place", Exit.USAGE
        ) from None
    return os.fdopen(handle, "wb")
