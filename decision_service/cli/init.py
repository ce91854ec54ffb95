"""`init` and `tokens`: what is needed before the first start; neither loads the server."""

from __future__ import annotations

import errno
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from decision_service.build import deployment, protos, starter_rules
from decision_service.cli.output import CommandError, Exit, as_typed
from decision_service.domain.errors import visible
from decision_service.rules.language.diagnostics import count, render
from decision_service.runtime.config import sample
from decision_service.server.transport.callers import (
    NAME,
    UNREADABLE,
    new_token,
    read_callers_file,
    token_hash,
)
from decision_service.server.transport.context import Role

SETTINGS = "decision-service.yaml"
_PROGRAMS = (".py", ".pyc")


def init(folder: Path, only_protos: bool, only_deploy: bool) -> None:
    if only_protos and only_deploy:
        raise CommandError("--protos and --deploy write a folder each: call init once for each")
    if only_protos:
        files = _below(protos())
    elif only_deploy:
        files = deployment()
    else:
        files = {f"rules/{name}": file for name, file in _below(starter_rules()).items()}
    try:
        if folder.is_dir() and (found := next(folder.iterdir(), None)) is not None:
            message = f"{folder} is not empty ({found.name} is in it): give a new folder"
            raise CommandError(message)
        _write(folder, files)
        if not only_protos and not only_deploy:
            (folder / SETTINGS).write_text(sample(), encoding="utf-8")
    except OSError as error:
        why = error.strerror or "not every file could be copied"
        todo = "free space" if error.errno == errno.ENOSPC else "give another folder"
        message = f"{folder} cannot be written ({why}): {todo}"
        raise CommandError(message) from None
    sys.stdout.write(_next_steps(folder, only_protos=only_protos, only_deploy=only_deploy))


def _below(folder: Path) -> dict[str, Path]:
    """The files below a folder, by their place; without a checkout's own programs."""
    found = (one for one in sorted(folder.rglob("*")) if one.is_file())
    return {str(one.relative_to(folder)): one for one in found if one.suffix not in _PROGRAMS}


def _write(folder: Path, files: Mapping[str, Path]) -> None:
    """Copy files; they get the rights of new ones, whatever those of the package are."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in files.items():
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
        if copy.suffix == ".sh":
            copy.chmod(0o755)


def _next_steps(folder: Path, *, only_protos: bool, only_deploy: bool) -> str:
    if only_protos:
        return (
            f"{folder} has the protos; give it to your generator as the folder of imports, and "
            "service_config.json in it to your gRPC client\n"
        )
    if only_deploy:
        return (
            f"{folder} has the chart, the compose file, units of systemd, the front, alerts, "
            "dashboards, and the scripts for backups; docs/install.md says what to do with each\n"
        )
    return as_typed(
        f"{folder} has rules/ and {SETTINGS}. Next:\n"
        f"  cd {folder}\n"
        f"  decision-service rules test\n"
        f"  decision-service serve --config {SETTINGS}\n",
        elsewhere=True,
    )


_ROLES = f"may be repeated: {', '.join(Role)}"
_ROLES_NEEDED = "name at least one --role: " + ", ".join(Role)


def new(
    caller: Annotated[str, typer.Argument(metavar="CALLER", help="a caller's name")],
    role: Annotated[list[Role] | None, typer.Option("--role", metavar="ROLE", help=_ROLES)] = None,
) -> None:
    if not NAME.fullmatch(caller):
        raise CommandError(
            f"{caller!r} is no caller's name: use 1 to 64 lower-case letters, digits, ., _ and -"
        )
    if not role:
        raise CommandError(_ROLES_NEEDED)
    token = new_token()
    roles = ", ".join(dict.fromkeys(role))
    # What goes to stderr may be appended to a callers file: it is a line of it, and comments.
    sys.stderr.write("# The token is shown this once; keep it as a secret:\n")
    sys.stdout.write(f"{token}\n")
    sys.stdout.flush()
    sys.stderr.write("# Below `callers:` in DECISION_AUTH_TOKENS_FILE, for a new caller:\n")
    sys.stderr.write(f'  {caller}: {{roles: [{roles}], tokens: ["{token_hash(token)}"]}}\n')


def check(file: Annotated[Path, typer.Argument(metavar="FILE", help="the callers file")]) -> None:
    reading = read_callers_file(file)
    if reading.callers is None:
        lines = tuple(map(render, reading.diagnostics))
        unread = any(diagnostic.code == UNREADABLE for diagnostic in reading.diagnostics)
        code = Exit.USAGE if unread else Exit.FINDINGS
        raise CommandError(f"{file}: {count(reading.diagnostics)}", code, lines)
    sys.stdout.write(visible(f"{file} is in order\n"))
