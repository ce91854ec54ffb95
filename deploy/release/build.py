"""Makes a release in dist/release: `python -m deploy.release.build [--snapshot]`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from decision_service import __version__
from deploy.release.closure import PACKAGE, entries, needed
from deploy.release.sources import Refused, committed_at, copy, notes, require_clean
from lint.licences import Allowed, listed

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "dist" / "release"
SBOM = f"{PACKAGE}-{__version__}.cdx.json"
PROGRAMS = Path(sys.executable).parent
SHOWN = "Recorded 4 decisions; replaying each gives the same answer."


def run(*command: str | Path, cwd: Path = ROOT, **environ: str) -> str:
    """Run a program to its end; its output. Raises Refused with what it said where it fails."""
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=os.environ | environ, capture_output=True, text=True
    )
    if done.returncode:
        raise Refused(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def built(folder: Path) -> dict[str, bytes]:
    """Wheel and source archive, made in this folder of a copy of the checkout."""
    tree, out = copy(ROOT, folder / "tree"), folder / "out"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", out]
    run(*build, cwd=tree, SOURCE_DATE_EPOCH=committed_at(ROOT))
    return {file.name: file.read_bytes() for file in sorted(out.iterdir())}


def archives(folder: Path) -> dict[str, bytes]:
    """What two builds in two folders give alike; raises Refused where they differ."""
    first, second = built(folder / "one"), built(folder / "another" / "folder")
    if differing := [name for name in first if first[name] != second.get(name)]:
        raise Refused(f"two builds of the same files differ: {', '.join(differing)}")
    return first


def requirements(wheel: bytes) -> str:
    """The package and all that it needs, each with its version and hashes."""
    digest = hashlib.sha256(wheel).hexdigest()
    lock = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    head = "# pip install --find-links . --require-hashes -r requirements.txt"
    own = f"{PACKAGE}=={__version__} \\\n    --hash=sha256:{digest}"
    return "\n".join([head, own, *entries(lock, needed())]) + "\n"


def install(folder: Path) -> Path:
    """The programs of a fresh environment with the release in it, and nothing else."""
    venv.create(folder)
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--quiet"]
    run(*pip, "--require-hashes", "--find-links", OUT, "-r", OUT / "requirements.txt")
    return folder / "bin"


def demonstrate(programs: Path, folder: Path) -> None:
    """Run the demo in an empty folder; raises Refused unless it decides and leaves nothing."""
    folder.mkdir()
    told = run(programs / PACKAGE, "demo", cwd=folder)
    if SHOWN not in told or [*folder.iterdir()]:
        raise Refused("the installed package's demo did not decide as the checkout's does")


def bill_of_materials(python: Path) -> str:
    """The packages of an environment as CycloneDX; the release itself is what they are for."""
    words = ["environment", "--output-reproducible", "--spec-version", "1.6", "--pyproject"]
    told = run(PROGRAMS / "cyclonedx-py", *words, ROOT / "pyproject.toml", python)
    bill = json.loads(told)
    bill["metadata"]["component"] |= {
        "version": __version__,
        "purl": f"pkg:pypi/{PACKAGE}@{__version__}",
    }
    return json.dumps(bill, indent=1, sort_keys=True) + "\n"


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
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    told = notes(changelog, __version__, snapshot=snapshot)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, content in archives(folder).items():
            write(name, content)
            if name.endswith(".whl"):
                write("requirements.txt", requirements(content))
        programs = install(folder / "installed")
        demonstrate(programs, folder / "empty")
        write(SBOM, bill_of_materials(programs / "python"))
    write("LICENCES.txt", licences())
    write("NOTES.md", f"# {__version__}\n\n{told}\n")
    write("SHA256SUMS", checksums())


def main() -> int:
    """Say what was made, or in one sentence why nothing was."""
    snapshot = "--snapshot" in sys.argv[1:]
    try:
        release(snapshot=snapshot)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    kind = "Snapshot" if snapshot else "Release"
    print(
        f"{kind} {__version__} in dist/release: {', '.join(sorted(f.name for f in OUT.iterdir()))}"
    )
    print("Two builds were the same byte for byte; installed by its hashes, its demo decided.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
