"""Numbers as options take them: plain digits, within bounds."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import typer

_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_PLAIN = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?", re.ASCII)
DAY_SECONDS = 86_400
INT32 = 2**31 - 1


def whole(about: str, *names: str, least: int = 0, most: int = INT32) -> Any:
    """An option of a whole number within bounds."""

    def read(given: str | int) -> int:
        value = int(given) if _WHOLE.fullmatch(str(given)) else None
        if value is None or not least <= value <= most:
            raise typer.BadParameter(
                f"{given} is not a whole number from {least} to {most}, written in plain digits"
            )
        return value

    return _option(about, names, read, "INTEGER")


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

    return _option(about, names, read, "SECONDS")


def _option(about: str, names: tuple[str, ...], read: Callable[[Any], Any], metavar: str) -> Any:
    return typer.Option(*names, help=about, parser=read, metavar=metavar)
