"""Sources of settings: the environment, the YAML file, and files with secrets."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from decision_service.config.names import FROM_FILES, PREFIX, env_name
from decision_service.small_file import read_small

OF_COMMANDS = ("client_tls_ca", "client_tls_cert", "client_tls_key", "client_token_file")
"""Environment names of the client commands, which are no settings of a server."""

GONE = {
    "backtest_jobs": "remove it: `decision-service backtest --jobs` judges beside the service",
    "smile_fetch": "remove it: people are read by lists",
    "workers": "start several `serve` with DECISION_REUSE_PORT=true",
}
"""Settings that were removed, with what to do instead."""

ENVIRONMENT = "the environment"
_FILE = "_file"


@dataclass(frozen=True, slots=True)
class GivenSetting:
    """A setting's text as it was given, and where: the environment, or `service.yaml:3`."""

    text: str
    where: str


@dataclass(slots=True)
class Sources:
    """Reads settings by name into `given`, and a sentence for each mistake into `problems`.

    What is read later wins. An unknown name is a mistake in every source.
    """

    known: Collection[str]
    given: dict[str, GivenSetting] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def read_file(self, path: Path) -> None:
        """Read a YAML file of names, with the prefix or without, and values."""
        try:
            node = yaml.compose(read_small(path).decode("utf-8"), Loader=yaml.SafeLoader)
        except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
            why = getattr(error, "strerror", None) or "it is not readable YAML"
            self.problems.append(f"the configuration file {path} cannot be used: {why}")
            return
        if node is None:
            return  # comments alone, as in the sample
        if isinstance(node, yaml.MappingNode):
            self._take(dict(self._entries(node, path)))
        else:
            message = f"the configuration file {path} must be a mapping of names to values"
            self.problems.append(message)

    def read_environment(self, environ: Mapping[str, str]) -> None:
        """Read the `DECISION_…` names of an environment."""
        own = {name: text for name, text in environ.items() if name.startswith(PREFIX)}
        named = {name.removeprefix(PREFIX).lower(): text for name, text in own.items()}
        settings = {name: text for name, text in named.items() if name not in OF_COMMANDS}
        self._take({name: GivenSetting(text, ENVIRONMENT) for name, text in settings.items()})

    def _entries(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, GivenSetting]]:
        seen: set[str] = set()
        for key, value in node.value:
            where = f"{path}:{key.start_mark.line + 1}"
            name = str(key.value).lower().removeprefix(PREFIX.lower())
            if not isinstance(value, yaml.ScalarNode):
                self.problems.append(f"{env_name(name)} ({where}) takes one value, not several")
            elif name in seen:
                self.problems.append(f"{env_name(name)} ({where}) is set twice: leave one out")
            else:
                yield name, GivenSetting(value.value, where)
            seen.add(name)

    def _take(self, named: Mapping[str, GivenSetting]) -> None:
        for name, given in named.items():
            secret = name.removesuffix(_FILE)
            if name in self.known:
                self.given[name] = given
            elif name.endswith(_FILE) and secret in FROM_FILES:
                self._take_secret(secret, given, twice=secret in named)
            else:
                self._refuse(name, given)

    def _take_secret(self, name: str, given: GivenSetting, *, twice: bool) -> None:
        """The content of a secret's file, without its line end."""
        shown = env_name(name)
        if twice:
            message = f"{shown} and {shown}_FILE are both set ({given.where}): leave one out"
            self.problems.append(message)
            return
        try:
            text = read_small(Path(given.text), trusted=True).decode("utf-8").strip()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not text in UTF-8"
            message = f"the file {given.text} of {shown}_FILE cannot be read: {why}"
            self.problems.append(message)
            return
        if not text:
            self.problems.append(f"the file {given.text} of {shown}_FILE is empty")
        self.given[name] = GivenSetting(text, f"{given.text}, {shown}_FILE in {given.where}")

    def _refuse(self, name: str, given: GivenSetting) -> None:
        names = [*self.known, *(secret + _FILE for secret in FROM_FILES)]
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {env_name(near[0])}?" if near else ""
        if name in GONE:
            hint = f" any more: {GONE[name]}"
        self.problems.append(f"there is no setting {env_name(name)} (in {given.where}){hint}")
