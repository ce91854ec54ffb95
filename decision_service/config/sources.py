"""Sources of settings: the YAML file, the environment, and files with secrets."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from decision_service.small_file import read_small

PREFIX = "DECISION_"
SECRETS = ("smile_api_key", "smile_api_secret", "log_hash_key", "webhook_secrets")
ALIASES = {"retention": "decision_retention"}
"""A setting whose own name begins like the prefix is known without it too."""

OF_COMMANDS = ("client_tls_ca", "client_tls_cert", "client_tls_key", "client_token_file")
"""Environment names of the client commands, which are no settings of a server."""


class ConfigError(Exception):
    """The configuration cannot be used; the message is one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Reads settings; an unknown name is an error in every source."""

    known: Collection[str]

    def from_file(self, path: Path) -> dict[str, Any]:
        """The values of a YAML file; raises ConfigError."""
        try:
            content = yaml.safe_load(read_small(path).decode("utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            why = getattr(error, "strerror", None) or "it is not readable YAML"
            raise ConfigError(f"the configuration file {path} cannot be used: {why}") from None
        if not isinstance(content, dict):
            raise ConfigError(f"the configuration file {path} must be a mapping of names to values")
        values = {_own(str(name).lower(), PREFIX.lower()): v for name, v in content.items()}
        for name in values:
            self._check(name, f"in {path}")
        return _with_files(values)

    def from_environment(self, environ: Mapping[str, str]) -> dict[str, Any]:
        """The values of `DECISION_…` names; raises ConfigError."""
        values = {
            _own(name, PREFIX).lower(): value
            for name, value in environ.items()
            if name.startswith(PREFIX)
        }
        values = {name: value for name, value in values.items() if name not in OF_COMMANDS}
        for name in values:
            self._check(name, "in the environment", PREFIX + name.upper())
        return _with_files(values)

    def _check(self, name: str, where: str, shown: str | None = None) -> None:
        names = [*self.known, *(f"{secret}_file" for secret in SECRETS)]
        if name in names:
            return
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {PREFIX}{near[0].upper()}?" if near else ""
        raise ConfigError(f"there is no setting {shown or name} ({where}){hint}")


def _own(name: str, prefix: str) -> str:
    """A setting's own name."""
    own = name.removeprefix(prefix)
    return ALIASES.get(own.lower(), own)


def _with_files(values: dict[str, Any]) -> dict[str, Any]:
    for secret in SECRETS:
        path = values.pop(f"{secret}_file", None)
        if path is None:
            continue
        try:
            values[secret] = read_small(Path(path)).decode("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise ConfigError(
                f"the file {path} of {PREFIX}{secret.upper()}_FILE cannot be read"
            ) from None
    return values
