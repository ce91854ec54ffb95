"""The effect of a fault: a change to an answer, with its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from decision_service.simulator.formats.replies import Reply

Change = Callable[[Reply, Mapping[str, Any]], None]
TEXT, NUMBER, WHOLE, FLAG, ANY = (str,), (int, float), (int,), (bool,), (object,)
_WORDS: dict[tuple[type, ...], str] = {
    TEXT: "text",
    NUMBER: "a number",
    WHOLE: "a whole number",
    FLAG: "true or false",
}


class FaultRefused(ValueError):
    """A fault that cannot be scripted; the message is one sentence saying what to change."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A change to an answer; an effect that `replaces` the answer keeps the request from acting.

    `takes` maps each setting to its types, `needs` names the settings that must be given; `also`
    checks further conditions and raises FaultRefused.
    """

    change: Change
    takes: Mapping[str, tuple[type, ...]] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    replaces: bool = False
    also: Callable[[Mapping[str, Any]], None] | None = None

    def check(self, settings: Mapping[str, Any]) -> None:
        """Raise FaultRefused unless the effect takes the settings."""
        for name in self.needs:
            if name not in settings:
                raise FaultRefused(f"the setting {name!r} is missing: give it")
        for name, value in settings.items():
            self._check_one(name, value)
        if self.also:
            self.also(settings)

    def _check_one(self, name: str, value: Any) -> None:
        if name not in self.takes:
            known = ", ".join(self.takes) or "none"
            raise FaultRefused(f"there is no setting {name!r} here: it takes {known}")
        types = self.takes[name]
        misfit = isinstance(value, bool) and types in (NUMBER, WHOLE, TEXT)
        if misfit or not isinstance(value, types):
            raise FaultRefused(f"{name} is {value!r}: give {_WORDS.get(types, 'another value')}")


@dataclass(frozen=True, slots=True)
class AppliedEffect:
    """An effect with its settings, to be applied to one answer."""

    effect: Effect
    settings: Mapping[str, Any]

    @property
    def replaces(self) -> bool:
        """Whether the effect replaces the answer."""
        return self.effect.replaces

    def change(self, reply: Reply) -> None:
        """Change the answer in place."""
        self.effect.change(reply, self.settings)
