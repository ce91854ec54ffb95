"""The content that each version has decided with; a version that has decided may not change.

Applicants must be able to be told, years later, by which rules they were decided, so a change of
such a version is refused and belongs into the next one.
"""

from __future__ import annotations

from decision_service.pipeline.ports import DecisionLog, StoredText
from decision_service.ruleset.program.model import CompiledRuleset


class UsedVersions:
    """Notes in the store which versions decide, each once in this process."""

    def __init__(self, log: DecisionLog) -> None:
        self._log = log
        self._noted: set[str] = set()

    async def note(self, ruleset: CompiledRuleset) -> None:
        """Note the version, durable on return; to be called before the commit of the decision."""
        if ruleset.digest in self._noted:
            return
        mark = StoredText(key_of(ruleset), kind_of(ruleset), ruleset.digest.encode())
        await self._log.put_texts([mark])
        self._noted.add(ruleset.digest)


def key_of(ruleset: CompiledRuleset) -> str:
    """Where the store notes that a version decided with this content."""
    return f"{kind_of(ruleset)} {ruleset.digest}"


def kind_of(ruleset: CompiledRuleset) -> str:
    """The kind of all such notes of a version, whatever its content."""
    return f"used {ruleset.ruleset}@{ruleset.version}"
