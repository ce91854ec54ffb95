"""One check of `preflight`."""

from __future__ import annotations

from dataclasses import dataclass

NOT_ASKED = "looked at once DECISION_SMILE_MODE names a vendor to ask"


@dataclass(frozen=True, slots=True)
class PreflightCheck:
    """One result; `ok` is None where the check could not be made or is not needed."""

    name: str
    ok: bool | None
    words: str
