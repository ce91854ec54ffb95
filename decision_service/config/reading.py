"""The configuration as it is read: every setting, where it came from, and what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from decision_service.config.coherence import contradictions
from decision_service.config.names import SECRETS, ConfigError, env_name, masked
from decision_service.config.reference import default_text, names, takes
from decision_service.config.settings import Settings
from decision_service.config.sources import GivenSetting, Sources

DEFAULT = "default"
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Line:
    """A setting as it may be shown: its name, its value without secrets, where it came from."""

    name: str
    value: str
    where: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read; `settings` is None where a value is wrong, `problems` are sentences."""

    given: Mapping[str, GivenSetting]
    problems: tuple[str, ...]
    settings: Settings | None

    def lines(self) -> Iterator[Line]:
        """Every setting, in the order of their declaration."""
        for name in names():
            given = self.given.get(name, GivenSetting(default_text(name), DEFAULT))
            yield Line(env_name(name), masked(name, given.text), given.where)


def read(config_file: Path | None = None, environ: Mapping[str, str] | None = None) -> Reading:
    """Read the file, then the environment, which wins; every mistake is a problem."""
    sources = Sources(Settings.model_fields)
    if config_file is not None:
        sources.read_file(config_file)
    sources.read_environment(os.environ if environ is None else environ)
    problems = [*sources.problems]
    try:
        settings = Settings.model_validate({n: one.text for n, one in sources.given.items()})
    except ValidationError as error:
        return Reading(sources.given, (*problems, *_sentences(error, sources.given)), None)
    return Reading(sources.given, (*problems, *contradictions(settings)), settings)


def load(config_file: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the configuration; raises ConfigError with one sentence on anything that is wrong."""
    found = read(config_file, environ)
    if found.settings is None or found.problems:
        raise ConfigError(found.problems[0])
    return found.settings


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _sentences(error: ValidationError, given: Mapping[str, GivenSetting]) -> Iterator[str]:
    """A sentence for each wrong value: the setting's name, the value, where, what it takes."""
    for one in error.errors(include_input=False, include_url=False):
        name = str(one["loc"][0])
        own = one["msg"].removeprefix("Value error, ") if one["type"] == "value_error" else ""
        need = own or f"it takes {takes(name)}"
        shown = "" if name in SECRETS else f" is {_short(masked(name, given[name].text))!r}"
        yield f"{env_name(name)}{shown} (in {given[name].where}): {need}"
