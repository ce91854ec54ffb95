"""Whether the store can be written, and the stages of rollouts in it."""

from __future__ import annotations

from collections.abc import Mapping

from decision_service.cli.server.preflight.check import PreflightCheck
from decision_service.config import (
    OnRevoke,
    Settings,
    SmileMode,
)
from decision_service.domain.errors import StoreError
from decision_service.storage.errors import StoreLocked
from decision_service.storage.store import Store


async def store_check(settings: Settings) -> tuple[PreflightCheck, Mapping[str, str | None]]:
    """Whether the store can be written, and the stages that rollouts have reached in it."""
    shown = settings.store_url.rpartition("@")[2]
    try:
        store = await _opened(settings)
    except StoreLocked:
        return PreflightCheck("store", True, f"{shown} is in use by a running service"), {}
    except StoreError as error:
        return PreflightCheck("store", False, error.message), {}
    stages = await _stages(store)
    try:
        await store.check()
        others = await store.count_others()
    except StoreError as error:
        return PreflightCheck("store", False, error.message), stages
    finally:
        await store.aclose()
    if others:
        words = f"{others} keys of users are to be wrapped: run `decision-service data-keys rewrap`"
        return PreflightCheck("store", False, words), stages
    return PreflightCheck("store", True, f"{shown} can be written"), stages


async def _stages(store: Store) -> Mapping[str, str | None]:
    """The stage that each rollout has reached; nothing of a store that cannot be read."""
    try:
        return {name: step.after.go_live.stage for name, step in (await store.latest()).items()}
    except StoreError:
        return {}


async def _opened(settings: Settings) -> Store:
    """The store as `serve` would open it, so that a restored backup is erased as it would be."""
    return await Store.open(
        settings.store_url,
        journal=settings.erasure_journal,
        erase_decisions=settings.on_revoke is OnRevoke.ERASE_DECISIONS,
        identity_keys=settings.identity_key_file,
        data_keys=settings.data_key_file,
        keep_data_keys=settings.smile_mode is SmileMode.EMBEDDED,
    )
