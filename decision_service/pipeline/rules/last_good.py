"""The last good rules folder, stored whole, so that a bad edit cannot stop a start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from decision_service.pipeline.ports import DecisionLog, StoredText
from decision_service.pipeline.rules.loading import RuleFolder
from decision_service.pipeline.rules.publication import manifest_record

KIND = "rules"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DECODER = msgspec.json.Decoder(RuleFolder)


async def keep(log: DecisionLog, folder: RuleFolder, now: datetime) -> None:
    """Store a folder and its manifest as the last good ones, unless stored already."""
    body = msgspec.json.encode(folder)
    last = await log.last_text(KIND)
    if last is None or last.body != body:
        await log.put_texts([StoredText(_key(now, last), KIND, body), *manifest_record(folder)])


async def last_good_folder(log: DecisionLog) -> RuleFolder | None:
    """The last good folder; None where none was stored in a form that can be read."""
    last = await log.last_text(KIND)
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
