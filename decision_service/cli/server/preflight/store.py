"""Whether the store can be written, and what it says of rollouts and rules."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from decision_service.cli.server.preflight.check import PreflightCheck
from decision_service.config import (
    OnRevoke,
    Settings,
    SmileMode,
)
from decision_service.domain.errors import StoreError
from decision_service.pipeline.rules.folder import RuleFolder
from decision_service.pipeline.rules.last_good import last_good_folder
from decision_service.storage.errors import StoreLocked
from decision_service.storage.store import Store


class StoreState(msgspec.Struct):
    """What the store says: the stages that rollouts have reached, and the rules that decided."""

    stages: Mapping[str, str | None] = msgspec.field(default_factory=dict)
    rules: RuleFolder | None = None


async def store_check(settings: Settings) -> tuple[PreflightCheck, StoreState]:
    """Whether the store can be written, and what it says."""
    shown = settings.store_url.rpartition("@")[2]
    try:
        store = await _opened(settings)
    except StoreLocked:
        used = f"{shown} is in use by a running service"
        return PreflightCheck("store", True, used), StoreState()
    except StoreError as error:
        return PreflightCheck("store", False, error.message), StoreState()
    state = await _state(store)
    try:
        await store.check()
        others = await store.count_others()
    except StoreError as error:
        return PreflightCheck("store", False, error.message), state
    finally:
        await store.aclose()
    if others:
        words = f"{others} keys of users are to be wrapped: run `decision-service data-keys rewrap`"
        return PreflightCheck("store", False, words), state
    return PreflightCheck("store", True, f"{shown} can be written"), state


async def _state(store: Store) -> StoreState:
    """Nothing of a store that cannot be read."""
    try:
        steps = await store.latest()
        stages = {name: step.after.go_live.stage for name, step in steps.items()}
        return StoreState(stages, await last_good_folder(store))
    except StoreError:
        return StoreState()


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
