"""The last good rules folder, stored whole, so that a bad edit cannot stop a start."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from decision_service.pipeline.ports import DecisionLog, StoredText
from decision_service.pipeline.rules.folder import RuleFolder
from decision_service.pipeline.rules.list_changes import KIND as LISTS
from decision_service.pipeline.rules.list_changes import ListChange, list_changes
from decision_service.pipeline.rules.publication import manifest_record

KIND = "rules"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DECODER = msgspec.json.Decoder(RuleFolder)


async def keep(log: DecisionLog, folder: RuleFolder, now: datetime) -> Sequence[ListChange]:
    """Store a folder and its manifest as the last good ones, unless stored already.

    What it changes in lists is journalled with it, and returned.
    """
    last = await log.last_text(KIND)
    texts, changes = await asyncio.to_thread(_texts, folder, last, now)
    if texts:
        await log.put_texts(texts)
    return changes


async def last_good_folder(log: DecisionLog) -> RuleFolder | None:
    """The last good folder; None where none was stored in a form that can be read."""
    return await asyncio.to_thread(_folder, await log.last_text(KIND))


def _texts(
    folder: RuleFolder, last: StoredText | None, now: datetime
) -> tuple[Sequence[StoredText], Sequence[ListChange]]:
    """What is to be stored, and the changes of lists; on a thread, since lists may be large."""
    body = msgspec.json.encode(folder)
    if last is not None and last.body == body:
        return (), ()
    key, changes = _key(now, last), list_changes(_folder(last), folder, now)
    texts = [StoredText(key, KIND, body), *manifest_record(folder)]
    if changes is None:
        return texts, ()
    texts.append(StoredText(f"{LISTS} {key}", LISTS, msgspec.json.encode(changes)))
    return texts, changes.changes


def _folder(last: StoredText | None) -> RuleFolder | None:
    try:
        return None if last is None else _DECODER.decode(last.body)
    except msgspec.MsgspecError:
        return None


def _key(now: datetime, last: StoredText | None) -> str:
    """A key that sorts after the last one, whatever the clock says."""
    micros = (now - _EPOCH) // timedelta(microseconds=1)
    if last is not None:
        micros = max(micros, int(last.digest.rpartition("-")[2]) + 1)
    return f"{KIND}-{micros:020d}"
