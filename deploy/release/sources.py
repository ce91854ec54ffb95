"""What a release is made of: the files of a checkout, and the notes of a version."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import date
from pathlib import Path

from decision_service.build import commit_of
from lint import released
from lint.advisories import Kept

MOST_DAYS = 30
"""How old the advisories may be that a release was compared with."""

ANYWAY = "or make a snapshot with SNAPSHOT=true"


class Refused(Exception):
    """Nothing is released; the message says why and what to do."""


def changed(root: Path) -> list[str]:
    """The files of a checkout that are not as they were committed."""
    told = _git(root, "status", "--porcelain", "-z")
    return sorted(line[3:] for line in told.split("\0") if line[2:3] == " ")


def require_clean(root: Path) -> None:
    """Raises Refused where a file is not committed."""
    if files := changed(root):
        more = f" and {len(files) - 1} more" if files[1:] else ""
        raise Refused(f"{files[0]}{more} is not committed: commit or remove it, {ANYWAY}")


def require_advisories(kept: Kept, today: date) -> None:
    """Raises Refused where nothing was compared with what is known of the packages of late."""
    age = (today - date.fromisoformat(kept.taken)).days if kept.taken else None
    if age is None or age > MOST_DAYS:
        found = "has none" if age is None else f"has those of {kept.taken}, {age} days ago"
        raise Refused(
            f"requirements/advisories.json {found}, and a release needs some of the last "
            f"{MOST_DAYS} days: call make advisories and make audit, {ANYWAY}"
        )


def require_entry(root: Path, version: str) -> None:
    """Write what the version holds of the shipped rules; raises Refused for it to be committed.

    Raises it too where the version was released with other content, or a released one changed.
    """
    found = [*released.changed(root)]
    if found:
        raise Refused(f"{found[0]}, {ANYWAY}")
    try:
        written = released.write(version, root)
    except ValueError as other:
        raise Refused(
            f"{other}: give decision_service/__init__.py the next version, {ANYWAY}"
        ) from None
    if written:
        raise Refused(
            f"{released.FILE} has the entry {version} now: commit it, tag the commit v{version}, "
            "and call make release again"
        )


def require_tag(root: Path, version: str) -> None:
    """Raises Refused unless the commit has the version's tag."""
    tags = _git(root, "tag", "--points-at", "HEAD").split()
    if f"v{version}" not in tags:
        raise Refused(f"this commit has no tag v{version}: call git tag v{version}, {ANYWAY}")


def notes(changelog: str, version: str, *, snapshot: bool = False) -> str:
    """The text of a version's section; of a snapshot without one what is unreleased, if anything.

    Raises Refused where a release has no such section, or nothing in it.
    """
    parts = re.split(r"^## \[([^]\n]+)\].*$", changelog, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    text = sections.get(version, sections.get("Unreleased", "") if snapshot else "").strip()
    if not text and snapshot:
        return "Nothing is listed of this snapshot yet."
    if not text:
        raise Refused(
            f"CHANGELOG.md has no section [{version}], the version of decision_service/__init__.py:"
            f" give what is unreleased the heading `## [{version}] - YYYY-MM-DD`, {ANYWAY}"
        )
    return text


def copy(root: Path, into: Path) -> Path:
    """The files of a checkout in another folder, with its commit, and nothing that git ignores."""
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (root / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, into / name)
    (into / "decision_service" / "commit.txt").write_text(f"{commit_of(root)}\n", encoding="ascii")
    return into


def committed_at(root: Path) -> str:
    """When the last commit was made, in seconds since 1970, as SOURCE_DATE_EPOCH has it."""
    return _git(root, "log", "-1", "--format=%ct").strip()


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
