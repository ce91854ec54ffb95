"""What each setting takes and means, and the sample file that is made from it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from enum import StrEnum
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from decision_service.config.names import FROM_FILES, env_name
from decision_service.config.onboarding import OnboardingSettings
from decision_service.config.settings import Settings
from decision_service.config.values import Takes

_WIDTH = 96
_UNITS = (("d", 86400.0), ("h", 3600.0), ("m", 60.0), ("s", 1.0))
_HEAD = """\
Settings of the decision service: every name with its default, or with an example where there is
none. Take the # away in front of a name to set it. `decision-service config check` says what is
set. `decision-service config sample` made this file.
"""


class SampleForm(StrEnum):
    """A YAML file for `serve --config`, or an environment file as systemd and Docker read it."""

    YAML = "yaml"
    ENV = "env"


def sample(form: SampleForm = SampleForm.YAML) -> str:
    """The commented sample file: every setting, none of them set."""
    parts = [textwrap.indent(_HEAD, "# ")]
    parts += ["\n".join(_entry(name, form)) + "\n" for name in names()]
    return "\n".join(parts)


def names() -> list[str]:
    """The settings in the order in which they are shown: the service's, then onboarding's."""
    late = OnboardingSettings.model_fields
    return [*(name for name in Settings.model_fields if name not in late), *late]


def takes(name: str) -> str:
    """What a setting takes, in words that follow `it takes`."""
    annotation, metadata = _field(name).annotation, [*_field(name).metadata]
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(one for one in get_args(annotation) if one is not type(None))
        metadata += getattr(annotation, "__metadata__", ())
    words = next((one.words for one in metadata if isinstance(one, Takes)), None)
    bounds = _bounds(metadata)
    if words and annotation is float and bounds["ge"]:
        return f"{words}, of at least {_time(bounds['ge'])}"
    return words or _of_type(annotation, bounds)


def default_text(name: str) -> str:
    """A setting's default as it would be written; empty where there is none."""
    default: Any = _field(name).default
    if isinstance(default, SecretStr) or default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, float):
        return _time(default)
    return f"{default} months" if name == "retention" else str(default)


def _entry(name: str, form: SampleForm) -> Iterator[str]:
    field, shown, default = _field(name), env_name(name), default_text(name)
    file = f" Also as {shown}_FILE, the name of a file with it." if name in FROM_FILES else ""
    kind = takes(name)
    words = f"{field.description}{_sentence(kind)}{file}"
    yield from (f"# {line}" for line in textwrap.wrap(words, _WIDTH, break_on_hyphens=False))
    value = default or str((field.examples or ("",))[0])
    yield f"#{shown}: {value}" if form is SampleForm.YAML else f"#{shown}={value}"


def _sentence(kind: str) -> str:
    return "" if kind == "text" else f" It takes {kind}."


def _field(name: str) -> FieldInfo:
    return Settings.model_fields[name]


def _of_type(annotation: Any, bounds: dict[str, Any]) -> str:
    if annotation is bool:
        return "true or false"
    if annotation is int:
        return f"a whole number from {bounds['ge']} to {bounds['le']}"
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        *first, last = annotation
        return f"{', '.join(first)} or {last}"
    return f"text of at most {bounds['max_length']} characters" if bounds else "text"


def _bounds(metadata: list[Any]) -> dict[str, Any]:
    """The bounds of a value; a setting's own come before those of its kind."""
    known = ("ge", "le", "max_length")
    both = reversed(metadata)
    return {name: getattr(one, name) for one in both for name in known if hasattr(one, name)}


def _time(seconds: float) -> str:
    unit, length = next(((u, n) for u, n in _UNITS if seconds % n == 0), ("ms", 0.001))
    return f"{seconds / length:g}{unit}"
