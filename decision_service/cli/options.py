"""Options that commands share: numbers, and files of settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_PLAIN = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?", re.ASCII)
DAY_SECONDS = 86_400
INT32 = 2**31 - 1


def whole(about: str, *names: str, least: int = 0, most: int = INT32) -> Any:
    def read(given: str | int) -> int:
        value = int(given) if _WHOLE.fullmatch(str(given)) else None
        if value is None or not least <= value <= most:
            raise typer.BadParameter(
                f"{given} is not a whole number from {least} to {most}, written in plain digits"
            )
        return value

    return read_by(read, about, *names, metavar="INTEGER")


def seconds(about: str, *names: str) -> Any:
    """An option of a time in seconds, up to a day."""

    def read(given: str | float) -> float:
        plain = str(given).removesuffix("s")
        value = float(plain) if _PLAIN.fullmatch(plain) else None
        if value is None or not 0 < value <= DAY_SECONDS:
            raise typer.BadParameter(
                f"{given} is not a number of seconds above 0 and up to {DAY_SECONDS}, such as 10, "
                "10s or 0.5"
            )
        return value

    return read_by(read, about, *names, metavar="SECONDS")


def read_by(read: Callable[[Any], Any], about: str, *names: str, metavar: str) -> Any:
    return typer.Option(*names, help=about, parser=read, metavar=metavar)


ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="YAML file of settings; the environment wins")
]
InitOption = Annotated[
    bool, typer.Option("--init", help="begin a new store where the SQLite file is missing")
]
