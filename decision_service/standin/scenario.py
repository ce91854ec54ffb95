"""Scenarios: people and faults described by a mapping, as a YAML or JSON file holds it.

```yaml
requests_per_second: 20
sandbox: true                      # the four sandbox people
collecting: 300                    # seconds that the first sync of a connected account takes
residence: {country: ID, currency: IDR}   # of all people, in place of their own and of PHP
faults:
  - {user: Ryan, path: /contributions, fault: status, status: 503, retry_after: 1, times: 2}
  - {user: Anisha, path: /eincomes, fault: cursor_loop}
```
A fault's `user` is a sandbox person's user name or any user id; `path` is a glob below `/v1`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any

import msgspec

from decision_service.standin.faults import Fault, FaultRefused
from decision_service.standin.formats import owner_digits
from decision_service.standin.sandbox import sandbox, sandbox_people
from decision_service.standin.server import REQUESTS_PER_SECOND
from decision_service.standin.tenant import COLLECTING
from decision_service.standin.world import UNCHANGED, Residence, ResidenceRefused, World, WorldMaker


class ScenarioRefused(ValueError):
    """An invalid scenario; the message is one sentence: where, what, what to do."""


class _Residence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    country: str = UNCHANGED.country
    currency: str = UNCHANGED.currency


class _Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sandbox: bool = True
    requests_per_second: Annotated[int, msgspec.Meta(ge=1)] = REQUESTS_PER_SECOND
    collecting: Annotated[int, msgspec.Meta(ge=0)] = int(COLLECTING.total_seconds())
    residence: _Residence = _Residence()
    faults: tuple[dict[str, Any], ...] = ()


class _Hit(msgspec.Struct, frozen=True):
    """Which requests a fault hits; any other key of it is a setting of its effect."""

    fault: str
    user: str | None = None
    path: Annotated[str, msgspec.Meta(min_length=1)] = "*"
    method: Annotated[str, msgspec.Meta(min_length=1)] = "*"
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    world: WorldMaker
    faults: tuple[Fault, ...]
    requests_per_second: int
    residence: Residence
    collecting: timedelta


def load_scenario(mapping: object) -> Scenario:
    try:
        read = msgspec.convert(mapping, _Scenario)
        residence = Residence(read.residence.country, read.residence.currency)
    except ResidenceRefused as error:
        raise ScenarioRefused(f"residence.{error}") from None
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        raise ScenarioRefused(f"{where.rstrip('`') or 'the scenario'}: {what}") from None
    return Scenario(
        sandbox if read.sandbox else _empty,
        tuple(_fault(one, f"faults[{number}]") for number, one in enumerate(read.faults)),
        read.requests_per_second,
        residence,
        timedelta(seconds=read.collecting),
    )


def _empty(today: date) -> World:
    return World(today, {})


def _fault(given: dict[str, Any], where: str) -> Fault:
    own = _Hit.__struct_fields__
    try:
        hit = msgspec.convert({n: value for n, value in given.items() if n in own}, _Hit)
        settings = {name: value for name, value in given.items() if name not in own}
        return Fault(
            hit.fault, hit.path, _user(hit.user), hit.method, hit.times, hit.skip, settings
        )
    except (msgspec.ValidationError, FaultRefused) as error:
        raise ScenarioRefused(f"{where}: {error}") from None


def _user(given: str | None) -> str | None:
    names = {person.user_name: person.user_id for person in sandbox_people()}
    if given is None or given in names or owner_digits(given):
        return names.get(given, given) if given else None
    known = ", ".join(names)
    raise FaultRefused(f"user is {given!r}: give a user id or one of {known}")
