"""Makes a release in dist/release: `python -m deploy.release.build [--snapshot]`."""

from __future__ import annotations

import hashlib
import shutil
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from decision_service import __version__
from deploy.release.archives import ROOT, archives
from deploy.release.closure import PACKAGE, needed
from deploy.release.installation import (
    bill_of_materials,
    complete,
    demonstrate,
    install,
    requirements,
)
from deploy.release.sources import (
    Refused,
    notes,
    require_advisories,
    require_clean,
    require_entry,
    require_tag,
)
from lint.advisories import read_kept
from lint.licences import Allowed, listed

OUT = ROOT / "dist" / "release"
SBOM = f"{PACKAGE}-{__version__}.cdx.json"


def licences() -> str:
    """A line for each package that the release needs: version, and the licence that it names."""
    found = listed(needed(), Allowed.read())
    return "".join(f"{name} {version(name)}: {licence}\n" for name, licence in found)


def checksums() -> str:
    """A line for each file, as `sha256sum --check` reads it."""
    files = sorted(one for one in OUT.iterdir() if one.name != "SHA256SUMS")
    return "".join(f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}\n" for one in files)


def write(name: str, content: str | bytes) -> None:
    """Put a file into the release."""
    (OUT / name).write_bytes(content.encode() if isinstance(content, str) else content)


def release(*, snapshot: bool) -> None:
    """Make the whole release anew; raises Refused."""
    if not snapshot:
        require_clean(ROOT)
        require_advisories(read_kept(), datetime.now(UTC).date())  # noqa: TID251 - the day of a release
        require_entry(ROOT, __version__)
        require_tag(ROOT, __version__)
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    told = notes(changelog, __version__, snapshot=snapshot)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    with TemporaryDirectory() as folder:
        build_and_install(Path(folder))
    write("LICENCES.txt", licences())
    write("NOTES.md", f"# {__version__}\n\n{told}\n")
    write("SHA256SUMS", checksums())


def build_and_install(folder: Path) -> None:
    """The archives, and what their installation shows; raises Refused."""
    for name, content in archives(folder).items():
        write(name, content)
        if name.endswith(".whl"):
            for lock, text in requirements(content).items():
                write(lock, text)
    programs = install(OUT, folder / "installed")
    demonstrate(programs, folder / "empty")
    write(SBOM, bill_of_materials(programs / "python"))
    complete(programs, folder / "empty")


def main() -> int:
    """Say what was made, or in one sentence why nothing was."""
    snapshot = "--snapshot" in sys.argv[1:]
    try:
        release(snapshot=snapshot)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    kind = "Snapshot" if snapshot else "Release"
    names = ", ".join(sorted(file.name for file in OUT.iterdir()))
    print(f"{kind} {__version__} in dist/release: {names}")
    print("Two builds were the same byte for byte; installed by its hashes, its demo decided.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
