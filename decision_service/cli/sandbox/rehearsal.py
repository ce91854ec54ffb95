"""The folder of a rehearsal: certificates, a caller, a webhook secret, and settings that use them.

settings.yaml                      what `serve` would need: `--config` of the other commands
client.env                         what the client commands need, for the shell
ca.pem, server.pem, server.key     a throwaway authority, and the server's certificate
callers.yaml, token                one caller with every role, and the caller's token
webhook-secret                     by which events are signed
decisions.db, data-keys            the store with its companions, and the key of its keys, both kept
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import yaml

from decision_service.cli.display.new_file import new_file
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.sandbox.certificates import throwaway
from decision_service.config import (
    OFFLINE_KEY,
    OFFLINE_SECRET,
    Settings,
    env_name,
    load,
    split_address,
)
from decision_service.edge.rpc.access import Role
from decision_service.edge.rpc.callers import new_token, token_hash
from decision_service.simulator.linking.api import LINK_PREFIX, SCRIPT_PATH
from decision_service.storage.errors import KeysUnfit
from decision_service.storage.privacy.data_keys import DATA_KEYS

CALLER = "rehearsal"
SETTINGS, CLIENT = "settings.yaml", "client.env"
_HEAD = "# Throwaway settings of `decision-service rehearse`, for this machine alone.\n"
_LOCAL = ("127.0.0.1", "localhost", "::1")


def prepare(
    folder: Path, smile_url: str, grpc_address: str, http_address: str, rules: Path
) -> Settings:
    """Write the folder anew, but for its store, and read its settings; raises CommandError."""
    folder = folder.absolute()
    _check(folder)
    hosts = (*_LOCAL, *(split_address(one)[0] for one in (grpc_address, http_address)))
    made, token = throwaway(hosts, datetime.now(UTC)), new_token()
    callers = {CALLER: {"roles": [*map(str, Role)], "tokens": [token_hash(token)]}}
    settings = _settings(folder, smile_url, grpc_address, http_address, rules)
    files = {
        "ca.pem": made.authority,
        "server.pem": made.certificate,
        "server.key": made.key,
        "token": token.encode(),
        "webhook-secret": secrets.token_hex(16).encode(),
        "callers.yaml": yaml.safe_dump({"callers": callers}).encode(),
        SETTINGS: (_HEAD + yaml.safe_dump(settings, sort_keys=False)).encode(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            _write(folder / name, content)
        DATA_KEYS.read(folder / "data-keys", create=True)
    except KeysUnfit as error:
        raise _refused(folder, error.message) from None
    except OSError as error:
        raise _refused(folder, error.strerror or "it cannot be written") from None
    return load(folder / SETTINGS, {})


def write_client(folder: Path, grpc_address: str) -> Path:
    """Write what the client commands need of a started service, and return the file."""
    folder = folder.absolute()
    values = {
        env_name("grpc_address"): grpc_address,
        "DECISION_CLIENT_TLS_CA": str(folder / "ca.pem"),
        "DECISION_CLIENT_TOKEN_FILE": str(folder / "token"),
    }
    lines = "".join(f"export {name}={shlex.quote(text)}\n" for name, text in values.items())
    _write(folder / CLIENT, lines.encode())
    return folder / CLIENT


def _settings(
    folder: Path, smile_url: str, grpc_address: str, http_address: str, rules: Path
) -> Mapping[str, str]:
    root = smile_url.removesuffix("/v1")
    values = {
        "smile_mode": "sandbox",
        "smile_base_url": smile_url,
        "smile_api_key": OFFLINE_KEY,
        "smile_api_secret": OFFLINE_SECRET,
        "widget_script_url": root + SCRIPT_PATH,
        "widget_api_host": root + LINK_PREFIX,
        "grpc_address": grpc_address,
        "http_address": http_address,
        "tls_cert_file": str(folder / "server.pem"),
        "tls_key_file": str(folder / "server.key"),
        "auth_tokens_file": str(folder / "callers.yaml"),
        "webhook_secrets_file": str(folder / "webhook-secret"),
        "store_url": f"sqlite:///{folder / 'decisions.db'}",
        "data_key_file": str(folder / "data-keys"),
        "rules_dir": str(rules.absolute()),
        "drain_delay": "0s",
    }
    return {env_name(name): text for name, text in values.items()}


def _check(folder: Path) -> None:
    """Refuse a folder with anything else in it than an earlier rehearsal."""
    try:
        if not folder.exists() or not any(folder.iterdir()):
            return
        if (folder / SETTINGS).read_text("utf-8", "replace").startswith(_HEAD):
            return
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _refused(folder, error.strerror or "it cannot be read") from None
    raise _refused(folder, "it holds something else than a rehearsal")


def _refused(folder: Path, why: str) -> CommandError:
    return CommandError(f"{folder} cannot be used: {why}; name a new folder", Exit.USAGE)


def _write(path: Path, content: bytes) -> None:
    """Write a file that its owner alone can read, whatever was there."""
    path.unlink(missing_ok=True)
    with new_file(path) as file:
        file.write(content)
