"""What would have to be different for a recorded decision, found beside the event loop."""

from __future__ import annotations

import asyncio
from threading import Lock

from cachetools import LRUCache

from decision_service.pipeline.records.read import Recorded, known_facts
from decision_service.pipeline.rules.archive import RulesetArchive
from decision_service.recourse.find import Recourses
from decision_service.recourse.model import Recourse
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts

_KEPT = 16


class FindRecourse:
    """Finds recourse by the rules that decided, for one decision at a time, on a thread."""

    def __init__(self, archive: RulesetArchive) -> None:
        self._archive = archive
        self._lock = Lock()
        self._turn = asyncio.Semaphore(1)
        self._prepared: LRUCache[str, Recourses] = LRUCache(_KEPT)

    async def __call__(self, recorded: Recorded) -> Recourse | None:
        """The answer for a decision in FULL view; None where none is looked for.

        None is looked for where no rules decided, the data was erased, or the decision is not what
        the rules concluded.
        """
        digest = recorded.entry.ruleset_digest
        if recorded.settled is None or recorded.settled.override is not None or digest is None:
            return None
        ruleset, facts = await self._archive.by_digest(digest), known_facts(recorded)
        async with self._turn:  # each takes milliseconds of the interpreter
            return await asyncio.to_thread(self._found, ruleset, facts)

    def _found(self, ruleset: CompiledRuleset, facts: Facts) -> Recourse | None:
        with self._lock:  # a caller who has gone leaves its thread at work
            if ruleset.digest not in self._prepared:
                self._prepared[ruleset.digest] = Recourses(ruleset)
            return self._prepared[ruleset.digest].of(facts)
