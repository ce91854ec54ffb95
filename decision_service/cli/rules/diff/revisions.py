"""A rules folder as it lies on the disk, or as a git revision has it."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from decision_service.cli.errors import CommandError, Exit

_SECONDS = 120


@contextmanager
def rules_of(word: str, rules: Path) -> Iterator[Path]:
    """What lies at `word`, or `rules` of the git revision `word`; raises CommandError.

    A revision is copied to a folder that is removed at the end.
    """
    if Path(word).exists():
        yield Path(word)
        return
    commit = _commit(word)
    with TemporaryDirectory(prefix="decision-service-") as folder:
        _unpack(_archive(commit, word, rules), Path(folder))
        yield Path(folder) / rules


def _commit(word: str) -> str:
    if _git("rev-parse", "--is-inside-work-tree") is None:
        raise CommandError(
            f"{word} is no folder, and there is no git repository here to look for a revision: "
            "name two folders of rules, or go to the repository",
            Exit.USAGE,
        )
    found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{word}^{{commit}}")
    if found is None:
        raise CommandError(
            f"{word} is neither a folder nor a revision of this git repository: fetch it first, "
            "or name another one",
            Exit.USAGE,
        )
    return found.decode().strip()


def _archive(commit: str, word: str, rules: Path) -> bytes:
    if rules.is_absolute() or ".." in rules.parts:
        raise CommandError(
            f"--rules is {rules}: name it as it lies below this folder in the repository",
            Exit.USAGE,
        )
    found = _git("archive", "--format=tar", commit, "--", rules.as_posix())
    if found is None:
        raise CommandError(
            f"the revision {word} has no folder {rules} below this one: name it with --rules",
            Exit.USAGE,
        )
    return found


def _unpack(archive: bytes, folder: Path) -> None:
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
    except tarfile.TarError as error:
        raise CommandError(f"the revision cannot be unpacked ({error})", Exit.USAGE) from None


def _git(*words: str) -> bytes | None:
    """What git prints; None where it refuses."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, and a revision after --end-of-options
            ("git", *words),  # noqa: S607 - git as the path has it
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
    except FileNotFoundError:
        raise CommandError(
            "git is not installed, which reads revisions: install it, or name two folders",
            Exit.USAGE,
        ) from None
    except subprocess.TimeoutExpired:
        raise CommandError(f"git took more than {_SECONDS} seconds", Exit.USAGE) from None
    return None if done.returncode else done.stdout
