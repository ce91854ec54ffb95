"""The list of planted faults, `faults.yaml`: what is put where, and which tests catch it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

JOURNEYS = tuple(range(1, 11))


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault: in `file` the text `find`, which occurs there once, becomes `put`.

    `journey` is the one that it breaks; `drawn` says that a mutation was drawn by chance, `mended`
    names the change of the history that mended it. `harm` says what a person would see.
    `caught_by` are the tests that fail with it, as pytest names them.
    """

    name: str
    file: str
    find: str
    put: str
    harm: str
    caught_by: tuple[str, ...]
    journey: int = 0
    drawn: bool = False
    mended: str = ""


def faults() -> tuple[Fault, ...]:
    """Every planted fault, in the order of the list."""
    listed = yaml.safe_load((HERE / "faults.yaml").read_text(encoding="utf-8"))
    return msgspec.convert(listed, tuple[Fault, ...])


def planted(fault: Fault, root: Path) -> str:
    """The fault's file under `root` with the fault in it.

    Raises ValueError where the text to replace does not occur exactly once.
    """
    text = (root / fault.file).read_text(encoding="utf-8")
    times = text.count(fault.find)
    if times != 1:
        raise ValueError(f"{fault.name}: its text occurs {times} times in {fault.file}, not once")
    return text.replace(fault.find, fault.put)
