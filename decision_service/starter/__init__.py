"""What somebody begins with: starter rules, and the protos that clients are generated from.

A built package holds both in this folder; in a checkout they lie beside the package.
"""

from __future__ import annotations

from pathlib import Path


def starter_rules() -> Path:
    """The rules folder of the package."""
    return _folder("rules")


def protos() -> Path:
    """The folder that proto files import each other from, with the service config."""
    return _folder("protos")


def _folder(name: str) -> Path:
    here = Path(__file__).resolve().parent
    packed = here / name
    return packed if packed.is_dir() else here.parents[1] / name
