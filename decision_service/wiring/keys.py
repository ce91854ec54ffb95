"""The files of data keys that settings mean."""

from __future__ import annotations

from pathlib import Path

from decision_service.config import Settings, SmileMode
from decision_service.storage.privacy.data_keys import DATA_KEYS


def data_key_file(settings: Settings, store_url: str = "") -> Path | None:
    """DATA_KEY_FILE; for made-up people, where it is not set, the file beside the SQLite store."""
    if settings.data_key_file is not None or settings.smile_mode is not SmileMode.EMBEDDED:
        return settings.data_key_file
    return DATA_KEYS.beside(store_url or settings.store_url)


def keys_to_read_with(settings: Settings, store_url: str) -> Path | None:
    """The same for somebody who reads a store and makes no file."""
    file = data_key_file(settings, store_url)
    return file if settings.data_key_file is not None or (file and file.exists()) else None
