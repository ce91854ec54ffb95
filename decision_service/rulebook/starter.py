"""What a checkout has and the package brings along: starter rules, protos for clients, docs."""

from __future__ import annotations

from pathlib import Path


def starter_rules() -> Path:
    return _folder("rules")


def protos() -> Path:
    """The folder that proto files import each other from, with the service config."""
    return _folder("protos")


def docs() -> Path:
    """The pages for people, with the OpenAPI document."""
    return _folder("docs")


def _folder(name: str) -> Path:
    package = Path(__file__).resolve().parents[1]
    packed = package / "starter" / name
    return packed if packed.is_dir() else package.parent / name
