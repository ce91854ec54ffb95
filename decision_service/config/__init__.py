"""The service's configuration: `DECISION_…` from the environment, then a YAML file, then defaults.

Secrets are `SecretStr`, so that no repr, log or error shows them; they may also be given as files
(`DECISION_SMILE_API_SECRET_FILE`). Names that are not settings are errors, in both places: a
misspelt limit must not silently be its default.
"""

from decision_service.config.addresses import is_loopback, split_address
from decision_service.config.names import FROM_FILES, PREFIX, SECRETS, ConfigError, env_name
from decision_service.config.reading import Line, Reading, load, read
from decision_service.config.reference import SampleForm, sample
from decision_service.config.settings import BASE_URLS, VENDOR_LIMIT, Settings
from decision_service.config.values import LogFormat, LogLevel, OnRevoke, SmileMode

OFFLINE_KEY = "embedded-key"
OFFLINE_SECRET = "embedded-secret"  # noqa: S105 - of the in-process stand-in, which anybody may read

__all__ = [
    "BASE_URLS",
    "FROM_FILES",
    "OFFLINE_KEY",
    "OFFLINE_SECRET",
    "PREFIX",
    "SECRETS",
    "VENDOR_LIMIT",
    "ConfigError",
    "Line",
    "LogFormat",
    "LogLevel",
    "OnRevoke",
    "Reading",
    "SampleForm",
    "Settings",
    "SmileMode",
    "env_name",
    "is_loopback",
    "load",
    "read",
    "sample",
    "split_address",
]
