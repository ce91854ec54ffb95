"""The configuration as it is read: its sources, what may not be together, and the sample file."""

from __future__ import annotations

import difflib
import os
import textwrap
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin
from urllib.parse import urlsplit

import yaml
from pydantic import SecretStr, ValidationError

from decision_service.runtime import gone
from decision_service.runtime.address import is_loopback, split_address
from decision_service.runtime.files import read_small
from decision_service.runtime.settings import (
    FROM_FILES,
    PREFIX,
    SECRETS,
    ConfigError,
    Settings,
    SmileMode,
    Takes,
    env_name,
    masked,
)

_MODE = env_name("smile_mode")
_ADDRESSES = ("grpc_address", "http_address", "admin_address")
_EVERY = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound
_SHORTEST = {"smile_api_key": 8, "smile_api_secret": 8, "log_hash_key": 16}
"""Bytes of secrets; a stand-in on this machine takes any key pair."""

_REAL_MODE = f"set {_MODE}=sandbox or production"
_WIDTH = 96
_UNITS = (("d", 86400.0), ("h", 3600.0), ("m", 60.0), ("s", 1.0))
_HEAD = """\
Settings of the decision service: every name with its default, or with an example where there is
none. Take the # away in front of a name to set it. `decision-service config check` says what is
set. `decision-service config sample` made this file.
"""

OF_COMMANDS = (
    *(f"client_{name}" for name in ("profile", "tls_ca", "tls_cert", "tls_key", "token_file")),
    *(f"console_{name}" for name in ("listen", "url", "issuer", "client_id", "client_secret_file")),
    *(f"console_{name}" for name in ("cert", "cert_key", "grafana")),
)
"""Environment names of the client commands, which are no settings of a server."""

ENVIRONMENT = "the environment"
_FILE = "_file"
DEFAULT = "default"
_LONGEST = 80
OFFLINE_KEY = "embedded-key"
OFFLINE_SECRET = "embedded-secret"  # noqa: S105 - of the in-process stand-in, which all may read


def contradictions(settings: Settings) -> Iterator[str]:
    """Each contradiction with the settings' names and what to do."""
    yield from _of_mode(settings)
    yield from _of_pairs(settings)
    yield from _of_secrets(settings)
    yield from _of_connect(settings)
    yield from _of_addresses(settings)


def _of_mode(settings: Settings) -> Iterator[str]:
    url = settings.smile_base_url
    if url and not url.rstrip("/").endswith("/v1"):
        whole = url.partition("?")[0].rstrip("/").removesuffix("/v1") + "/v1"
        yield f"{env_name('smile_base_url')} {url} has no /v1 at its end: set it to {whole}"
    if settings.smile_mode is not SmileMode.EMBEDDED:
        for name in ("smile_api_key", "smile_api_secret"):
            if not getattr(settings, name).get_secret_value():
                key = env_name(name)
                yield (
                    f"{_MODE}={settings.smile_mode} needs {key} (or {key}_FILE naming a file with "
                    "it)"
                )
        return
    if settings.store_url.startswith(("postgres:", "postgresql:", "postgresql+")):
        yield (
            f"{_MODE}=embedded runs on made-up people and refuses a PostgreSQL store: {_REAL_MODE},"
            f" or {env_name('store_url')}=sqlite:///decision.db"
        )
    if settings.tls_cert_file is not None:
        yield (
            f"{_MODE}=embedded runs on made-up people and refuses TLS: {_REAL_MODE}, or leave "
            f"{env_name('tls_cert_file')} out"
        )


def _of_pairs(settings: Settings) -> Iterator[str]:
    cert = env_name("tls_cert_file")
    key = env_name("tls_key_file")
    if (settings.tls_cert_file is None) != (settings.tls_key_file is None):
        yield f"{cert} and {key} belong together: set both or neither"
    elif settings.tls_client_ca_file is not None and settings.tls_cert_file is None:
        yield f"{env_name('tls_client_ca_file')} needs {cert} and {key} as well"
    if settings.front_name and settings.tls_client_ca_file is None:
        yield (
            f"{env_name('front_name')} needs {env_name('tls_client_ca_file')}, the authority of "
            "its certificate: set it too, or leave the name out where the front is on this machine"
        )
    if settings.reuse_port and not settings.store_url.startswith("postgres"):
        store = env_name("store_url")
        reuse = env_name("reuse_port")
        yield (
            f"{reuse}=true needs a PostgreSQL store, since one process holds a SQLite file: set "
            f"{store} to postgresql://..., or leave {reuse} out"
        )
    if settings.require_approval and settings.auth_tokens_file is None:
        need = env_name("require_approval")
        file = env_name("auth_tokens_file")
        yield f"{need}=true needs {file}, which has who may confirm rules: set both or neither"
    if settings.require_approval and settings.journal_key_file is None:
        need = env_name("require_approval")
        file = env_name("journal_key_file")
        yield (
            f"{need}=true needs {file}, since without seals an approval can be written into the "
            "database: make it by `decision-service keys journal add --file FILE`, and set it"
        )
    for name in ("one_person_narrows", "confirm_sign_in"):
        if getattr(settings, name) and not settings.require_approval:
            yield (
                f"{env_name(name)} counts with {env_name('require_approval')}=true alone: set "
                "both or neither"
            )


def _of_secrets(settings: Settings) -> Iterator[str]:
    """Secrets that can be guessed or the vendor would not take, unshown."""
    for place, secret in enumerate(settings.secrets_of_webhooks, 1):
        if not 16 <= len(secret) <= 64:
            yield (
                f"{env_name('webhook_secrets')}: number {place} has {len(secret)} bytes: give it "
                "16 to 64, chosen at random"
            )
    stand_in = is_loopback(urlsplit(settings.base_url).hostname or "localhost")
    for name, least in _SHORTEST.items():
        given = getattr(settings, name).get_secret_value().encode()
        if given and len(given) < least and not (stand_in and name.startswith("smile_")):
            yield f"{env_name(name)} is shorter than {least} bytes: give it whole"


def _of_connect(settings: Settings) -> Iterator[str]:
    if settings.connect_logo_file is not None and not settings.connect_company_name:
        yield (
            f"{env_name('connect_logo_file')} needs {env_name('connect_company_name')} as well: "
            "the name is read out to those who do not see the logo"
        )
    public = settings.connect_public_url
    if public and not _is_web_address(public):
        shown = masked("connect_public_url", public)
        yield (
            f"{env_name('connect_public_url')} is {shown}: it must be an address such as "
            "https://connect.example.com (http:// for loopback only)"
        )
    for origin in settings.return_origins:
        if not _is_web_address(origin) or urlsplit(origin).path:
            shown = masked("connect_return_origins", origin)
            yield (
                f"{env_name('connect_return_origins')} has {shown}: each must be an origin such as "
                "https://lender.example"
            )


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    host = parts.hostname or ""
    plain = parts.scheme == "http"
    secure = parts.scheme == "https" or (plain and is_loopback(host))
    return secure and bool(host) and not set(text) & set("@?# \\")


def _of_addresses(settings: Settings) -> Iterator[str]:
    named = {name: getattr(settings, name) for name in _ADDRESSES}
    for name, address in named.items():
        if settings.allow_plaintext or is_loopback(split_address(address)[0]):
            continue
        shown = f"{env_name(name)} {address} is not loopback and"
        if settings.tls_cert_file is None:
            yield (
                f"{shown} the connection is not encrypted: bind 127.0.0.1, set "
                "DECISION_TLS_CERT_FILE and DECISION_TLS_KEY_FILE, or set "
                "DECISION_ALLOW_PLAINTEXT=true behind a proxy that adds TLS"
            )
        elif name != "admin_address" and not settings.callers_known:
            yield (
                f"{shown} callers are not known: set DECISION_AUTH_TOKENS_FILE or "
                "DECISION_TLS_CLIENT_CA_FILE"
            )
    for (one, first), (other, second) in combinations(named.items(), 2):
        (host, port) = split_address(first)
        (other_host, other_port) = split_address(second)
        same = host == other_host or _EVERY & {host, other_host}
        # The system chooses another port for each 0.
        if same and port == other_port != 0:
            both = f"{env_name(one)} and {env_name(other)}"
            yield f"{both} both take port {port} of {host}: give each a port of its own"


class SampleForm(StrEnum):
    """A YAML file for `serve --config`, or an environment file as systemd and Docker read it."""

    YAML = "yaml"
    ENV = "env"


def sample(form: SampleForm = SampleForm.YAML) -> str:
    """The commented sample file: every setting, none of them set."""
    parts = [textwrap.indent(_HEAD, "# ")]
    parts += ["\n".join(_entry(name, form)) + "\n" for name in Settings.model_fields]
    return "\n".join(parts)


def takes(name: str) -> str:
    """What a setting takes, in words that follow `it takes`."""
    field = Settings.model_fields[name]
    annotation = field.annotation
    metadata = [*field.metadata]
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(one for one in get_args(annotation) if one is not type(None))
        metadata += getattr(annotation, "__metadata__", ())
    words = next((one.words for one in metadata if isinstance(one, Takes)), None)
    return words or _of_type(annotation, _bounds(metadata))


def default_text(name: str) -> str:
    """A setting's default as it would be written; empty where there is none."""
    default: Any = Settings.model_fields[name].default
    if isinstance(default, SecretStr) or default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, float):
        return _time(default)
    return f"{default} months" if name in ("retention", "loan_retention") else str(default)


def _entry(name: str, form: SampleForm) -> Iterator[str]:
    field = Settings.model_fields[name]
    shown = env_name(name)
    default = default_text(name)
    file = f" Also as {shown}_FILE, the name of a file with it." if name in FROM_FILES else ""
    kind = takes(name)
    words = f"{field.description}{'' if kind == 'text' else f' It takes {kind}.'}{file}"
    yield from (f"# {line}" for line in textwrap.wrap(words, _WIDTH, break_on_hyphens=False))
    value = default or str((field.examples or ("",))[0])
    yield f"#{shown}: {value}" if form is SampleForm.YAML else f"#{shown}={value}"


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
            # Composed, not loaded: nodes keep their lines, and values the text as written.
            node = yaml.compose(read_small(path).decode("utf-8"), Loader=yaml.SafeLoader)
        except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
            why = getattr(error, "strerror", None) or "it is not readable YAML"
            self.problems.append(f"the configuration file {path} cannot be used: {why}")
            return
        # Comments alone, as in the sample.
        if node is None:
            return
        if isinstance(node, yaml.MappingNode):
            self._take(dict(self._entries(node, path)))
        else:
            message = f"the configuration file {path} must be a mapping of names to values"
            self.problems.append(message)

    def read_environment(self, environ: Mapping[str, str]) -> None:
        own = {name: text for name, text in environ.items() if name.startswith(PREFIX)}
        named = {name.removeprefix(PREFIX).lower(): text for name, text in own.items()}
        # Commands share the prefix, so that their names are no mistakes of a server.
        settings = {name: text for name, text in named.items() if name not in OF_COMMANDS}
        self._take({name: GivenSetting(text, ENVIRONMENT) for name, text in settings.items()})

    def _entries(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, GivenSetting]]:
        seen: set[str] = set()
        for key, value in node.value:
            where = f"{path}:{key.start_mark.line + 1}"
            name = str(key.value).lower().removeprefix(PREFIX.lower())
            if not isinstance(value, yaml.ScalarNode):
                self.problems.append(f"{env_name(name)} ({where}) takes one value, not several")
            # The later one would win without a word.
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
        shown = env_name(name)
        if twice:
            where = f"({given.where})"
            self.problems.append(f"{shown} and {shown}_FILE are both set {where}: leave one out")
            return
        try:
            text = read_small(Path(given.text), trusted=True).decode("utf-8").strip()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not text in UTF-8"
            self.problems.append(f"the file {given.text} of {shown}_FILE cannot be read: {why}")
            return
        if not text:
            self.problems.append(f"the file {given.text} of {shown}_FILE is empty")
        self.given[name] = GivenSetting(text, f"{given.text}, {shown}_FILE in {given.where}")

    def _refuse(self, name: str, given: GivenSetting) -> None:
        names = [*self.known, *(secret + _FILE for secret in FROM_FILES)]
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {env_name(near[0])}?" if near else ""
        if name in gone.SETTINGS:
            hint = f" any more: {gone.SETTINGS[name]}"
        self.problems.append(f"there is no setting {env_name(name)} (in {given.where}){hint}")


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
        for name in Settings.model_fields:
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


def _sentences(error: ValidationError, given: Mapping[str, GivenSetting]) -> Iterator[str]:
    """A sentence for each wrong value: the setting's name, the value, where, what it takes."""
    # The input may be a secret, and would be in the sentence.
    for one in error.errors(include_input=False, include_url=False):
        name = str(one["loc"][0])
        own = one["msg"].removeprefix("Value error, ") if one["type"] == "value_error" else ""
        need = own or f"it takes {takes(name)}"
        text = masked(name, given[name].text)
        short = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
        shown = "" if name in SECRETS else f" is {short!r}"
        yield f"{env_name(name)}{shown} (in {given[name].where}): {need}"
