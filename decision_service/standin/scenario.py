"""Scenarios: people and faults described by a mapping, as a YAML or JSON file holds it.

```yaml
requests_per_second: 20
sandbox: true                      # the four sandbox people
population: {seed: 7, size: 100}   # and made-up ones; `lives: [stopped_job, …]` picks profiles,
                                   # `lives: [ordinary]` with size 400 those of ordinary applicants
collecting: 300                    # seconds that the first sync of a connected account takes
residence: {country: ID, currency: IDR}   # of all people, in place of their own and of PHP
faults:
  - {user: Ryan, path: /contributions, fault: status, status: 503, retry_after: 1, times: 2}
  - {user: Anisha, path: /eincomes, fault: cursor_loop}
```
A fault's `user` is a sandbox person's user name or any user id; `path` is a glob below `/v1`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

from decision_service.standin.faults import Fault, FaultRefused
from decision_service.standin.formats import owner_digits
from decision_service.standin.ordinary import ORDINARY
from decision_service.standin.population import PROFILE_CYCLE, PROFILES, population
from decision_service.standin.sandbox import sandbox, sandbox_people
from decision_service.standin.server import REQUESTS_PER_SECOND
from decision_service.standin.tenant import COLLECTING
from decision_service.standin.world import (
    UNCHANGED,
    Residence,
    ResidenceRefused,
    World,
    WorldMaker,
    join,
)

People = tuple[int, int, tuple[str, ...]]
"""Seed, size and profiles of a population."""
_FAULT_KEYS = ("user", "path", "method", "times", "skip")


class ScenarioRefused(ValueError):
    """An invalid scenario; the message is one sentence: where, what, what to do."""


@dataclass(frozen=True, slots=True)
class Scenario:
    world: WorldMaker
    faults: tuple[Fault, ...] = ()
    requests_per_second: int = REQUESTS_PER_SECOND
    residence: Residence = UNCHANGED
    collecting: timedelta = COLLECTING


def load_scenario(mapping: object) -> Scenario:
    read = _mapping(mapping, "the scenario", tuple(_READERS))
    fields = {name: _READERS[name](read[name]) for name in read}
    with_sandbox, people = fields.pop("sandbox", True), fields.pop("population", None)
    return Scenario(partial(_world, with_sandbox, people), **fields)


def _world(with_sandbox: bool, people: People | None, today: date) -> World:
    worlds = [sandbox(today)] if with_sandbox else []
    if people is not None:
        seed, size, lives = people
        worlds.append(population(seed, size, today, lives))
    return join(*worlds) if worlds else World(today, {})


def _population(value: object) -> People:
    read = _mapping(value, "population", ("seed", "size", "lives"))
    seed = _whole(read.get("seed", 1), "population.seed", 0)
    lives = _lives(read["lives"]) if "lives" in read else PROFILE_CYCLE
    return seed, _whole(read.get("size", 100), "population.size", 0), lives


def _lives(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ScenarioRefused(f"population.lives is {value!r}: give a list of lives")
    known = {**{name: (name,) for name in PROFILES}, "ordinary": tuple(ORDINARY)}
    unknown = [one for one in value if not isinstance(one, str) or one not in known]
    if unknown:
        names = ", ".join(known)
        raise ScenarioRefused(f"population.lives has {unknown[0]!r}: it takes {names}")
    return tuple(name for one in value for name in known[one])


def _residence(value: object) -> Residence:
    read = _mapping(value, "residence", ("country", "currency"))
    texts = {name: _text(given, f"residence.{name}") for name, given in read.items()}
    try:
        return Residence(**texts)
    except ResidenceRefused as error:
        raise ScenarioRefused(f"residence.{error}") from None


def _faults(value: object) -> tuple[Fault, ...]:
    if not isinstance(value, list):
        raise ScenarioRefused("faults must be a list: give one mapping for each fault")
    return tuple(_fault(one, f"faults[{number}]") for number, one in enumerate(value))


def _fault(value: object, where: str) -> Fault:
    read = dict(_mapping(value, where))
    effect = read.pop("fault", None)
    if not isinstance(effect, str):
        raise ScenarioRefused(f"{where}.fault is missing: say what goes wrong, such as `status`")
    fields = {name: read.pop(name) for name in _FAULT_KEYS if name in read}
    checks: dict[str, Callable[[object, str], object]] = {
        "user": _user,
        "path": _text,
        "method": _text,
        "times": partial(_whole, least=1),
        "skip": partial(_whole, least=0),
    }
    checked: dict[str, Any] = {
        name: checks[name](given, f"{where}.{name}") for name, given in fields.items()
    }
    try:
        return Fault(effect, settings=read, **checked)
    except FaultRefused as error:
        raise ScenarioRefused(f"{where}: {error}") from None


def _user(value: object, where: str) -> str:
    names = {person.user_name: person.user_id for person in sandbox_people()}
    if isinstance(value, str) and (value in names or owner_digits(value)):
        return names.get(value, value)
    known = ", ".join(names)
    raise ScenarioRefused(f"{where} is {value!r}: give a user id or one of {known}")


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise ScenarioRefused(f"{where} is {value!r}: give text")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ScenarioRefused(f"sandbox is {value!r}: give true or false")
    return value


def _whole(value: object, where: str, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ScenarioRefused(f"{where} is {value!r}: give a whole number of at least {least}")
    return value


def _mapping(value: object, where: str, known: tuple[str, ...] = ()) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ScenarioRefused(f"{where} must be a mapping of names to values, not {value!r}")
    unknown = [name for name in value if known and name not in known]
    if unknown:
        raise ScenarioRefused(f"{where} has no {unknown[0]!r}: it takes {', '.join(known)}")
    return value


_READERS: dict[str, Callable[[object], Any]] = {
    "sandbox": _flag,
    "population": _population,
    "faults": _faults,
    "residence": _residence,
    "requests_per_second": lambda value: _whole(value, "requests_per_second", 1),
    "collecting": lambda value: timedelta(seconds=_whole(value, "collecting", 0)),
}
