"""Names of settings as they are set, and values as they may be shown."""

from __future__ import annotations

PREFIX = "DECISION_"
SECRETS = ("smile_api_key", "smile_api_secret", "log_hash_key", "webhook_secrets")
FROM_FILES = (*SECRETS, "store_url", "erasure_journal")
"""Settings of which a file may be named instead: `DECISION_STORE_URL_FILE`."""

MASK = "***"


class ConfigError(Exception):
    """The configuration cannot be used; the message is one sentence that says what to do."""


def env_name(setting: str) -> str:
    """A setting's name in the environment: `DECISION_LEASE` for `lease`."""
    return PREFIX + setting.upper()


def masked(setting: str, text: str) -> str:
    """The text of a setting without a secret: not that of a key, nor a URL's user and password."""
    if setting in SECRETS:
        return MASK if text else ""
    if "://" in text and "@" in text:
        return f"{text.partition('://')[0]}://{MASK}@{text.rpartition('@')[2]}"
    return text
