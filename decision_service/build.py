"""What this program was built from, and what it brings along: rules, protos and pages.

The hook that builds the package imports this module where no library is installed: at its top it
imports the standard library alone.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from decision_service import __version__

if TYPE_CHECKING:
    from jinja2 import Environment

T = TypeVar("T")
UNKNOWN = "unknown"
_PACKAGE = "decision_service"
_FILE = "commit.txt"
_SECONDS = 2.0


@cache
def commit() -> str:
    """The commit's first twelve digits: as the package's `commit.txt` has it, or as git does.

    `.dirty` follows where files were changed since. `unknown` where there is neither. Never raises.
    """
    written = files(_PACKAGE) / _FILE
    if written.is_file():
        return written.read_text(encoding="ascii").strip() or UNKNOWN
    return commit_of(Path(__file__).resolve().parents[1])


@cache
def engine_version() -> str:
    """The version and the commit of what decides: `0.4.0+3ef644743f43`; without one `0.4.0`."""
    return __version__ if commit() == UNKNOWN else f"{__version__}+{commit()}"


def commit_of(root: Path) -> str:
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return UNKNOWN
    described = ["describe", "--always", "--abbrev=12", "--dirty=.dirty", "--exclude=*"]
    asked = [git, "-C", str(root), *described]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=_SECONDS, check=True)  # noqa: S603 - git of the path, fixed words
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN
    return done.stdout.strip() or UNKNOWN


def packaged(package: str, name: str, kind: type[T]) -> T:
    """What a file of YAML in a package says."""
    import msgspec

    return msgspec.yaml.decode(files(package).joinpath(name).read_bytes(), type=kind)


def templates(package: str, folder: str = "templates", **more: Any) -> Environment:
    """The templates of a package; those of HTML escape what they are given."""
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=PackageLoader(package, folder),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **{"keep_trailing_newline": True, **more},
    )


def starter_rules() -> Path:
    return _folder("rules")


def protos() -> Path:
    """The folder that proto files import each other from, with the service config."""
    return _folder("protos")


def deployment() -> dict[str, Path]:
    """The files that operators start from, by their place below a folder of them.

    `deploy/files.txt` lists them for the package, which has these and no other file of `deploy/`.
    """
    folder = _folder("deploy")
    patterns = (folder / "files.txt").read_text(encoding="ascii").split()
    files: dict[str, Path] = {}
    for pattern in patterns:
        for one in sorted(folder.glob(pattern)):
            if one.is_file():
                files[str(one.relative_to(folder))] = one
    return files


def docs() -> Path:
    """The pages for people, with the OpenAPI document."""
    return _folder("docs")


def install_command(extra: str) -> str:
    """The command that installs an extra where this program runs, each file by its hash.

    Its lock comes with the package, so that it works in a checkout and in any installation.
    """
    lock = _folder("requirements") / f"{extra}.txt"
    pip = [sys.executable, "-m", "pip", "install"]
    return shlex.join([*pip, "--require-hashes", "-r", str(lock)])


def _folder(name: str) -> Path:
    package = Path(__file__).resolve().parent
    packed = package / "starter" / name
    return packed if packed.is_dir() else package.parent / name
