"""Faults made to happen one by one to the running service, each with the answer it must give."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import grpc

from bench.reliability.bench import Bench, bench
from bench.reliability.client import LOAN, loan, reason
from bench.reliability.leaks import Leaks
from bench.reliability.proxy import Way
from bench.reliability.rows import ROWS
from bench.reliability.score import Score
from bench.reliability.setting import Setting
from bench.reliability.vendor import RunningVendor, person, running_vendor
from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.standin.faults import Fault

PART = "faults"
PEOPLE = 600
DOWN = 60
"""Decisions whose estimates the vendor cannot give, for the retry budget."""

HEALS_WITHIN = 5.5
NINE = 9.0
"""Seconds that a caller of a row gives: less than the harness itself waits."""


@dataclass(slots=True)
class Play:
    """Plays rows on a bench; every row has an applicant of its own."""

    on: Bench
    score: Score
    slack: float
    used: int = 0

    def fresh(self) -> str:
        """The next applicant, whom nothing keeps from being approved."""
        self.used += 1
        return person("George", self.used)

    async def answer(self, user: str, seconds: float = NINE) -> tuple[str, str]:
        """Outcome and first reason of a decision, or an error's reason."""
        request = loan(f"row-{self.used}-{user[-6:]}-{time.monotonic_ns()}", user)
        try:
            reply = await self.on.client.decide(request, timeout=seconds)
        except grpc.RpcError as error:
            return reason(error) or error.code().name, ""
        decision = service_pb.CreateDecisionResponse.FromString(reply).decision
        first = decision.reasons[0].code if decision.reasons else ""
        return pb.Outcome.Name(decision.outcome).removeprefix("OUTCOME_"), first

    async def expect(self, row: str, user: str, outcome: str, says: str = "") -> None:
        """Decide, and write down whether the row did as it must."""
        found = await self.answer(user)
        good = found[0] == outcome and says in {"", found[1]}
        self.score.row(row, "" if good else f"{' '.join(found)}, not {outcome} {says}")


async def run(setting: Setting, score: Score, seconds: float) -> None:
    """The scripted rows, those of the wire, the budget, the circuit, the rules; then leaks."""
    del seconds  # the rows bound this part
    notes = setting.folder("faults") / "tasks"
    async with (
        running_vendor(1) as elsewhere,
        bench(setting, "faults", PEOPLE, "--tasks", str(notes)) as on,
    ):
        play = Play(on, score, setting.options.slack)
        leaks = Leaks(on.server, notes)
        await _warm_up(play, leaks)
        await _scripted(play, elsewhere)
        await _on_the_wire(play)
        await _retry_budget(play)
        await _circuit(play)
        await _rules(play)
        await _settled(play)
        leaks.report(score)


async def _warm_up(play: Play, leaks: Leaks) -> None:
    for _ in range(20):
        await play.answer(play.fresh())
    leaks.begin()


async def _scripted(play: Play, elsewhere: RunningVendor) -> None:
    for row in ROWS:
        user = play.fresh()
        play.on.vendor.app.faults.clear()
        play.on.vendor.app.faults.add(*row.make(user, elsewhere.base_url))
        await play.expect(row.id, user, row.outcome, row.says)
        await play.answer(play.fresh())  # a good answer in between, so that the circuit stays shut
    play.on.vendor.app.faults.clear()
    heard = elsewhere.app.meter.total
    play.score.row("U14 elsewhere", f"{heard} requests with our keys" if heard else "")


async def _on_the_wire(play: Play) -> None:
    """What a proxy does to the bytes; each time the next decision must be good again."""
    proxy = play.on.proxy
    ways = (
        ("U8", Way.HOLE, {}, {"DEADLINE_EXCEEDED", "REFER"}),
        ("U9", Way.DRIP, {"seconds": 0.2}, {"DEADLINE_EXCEEDED", "REFER"}),
        ("U10 reset", Way.RESET, {"after": 300}, {"REFER"}),
        ("U10 cut", Way.CUT, {"after": 300}, {"REFER"}),
        ("U41", Way.SWAP, {}, {"INTERNAL"}),
    )
    for row, way, how, allowed in ways:
        users = [play.fresh(), play.fresh()]
        proxy.set(way, **how)
        began = time.monotonic()
        answers = await asyncio.gather(*(play.answer(user) for user in users))
        late = time.monotonic() - began > NINE + 0.05 * play.slack
        proxy.set(Way.PASS)
        wrong = {found[0] for found in answers} - allowed
        play.score.row(row, f"{answers}" if wrong else "late" if late else "")
        await _well_again(play)


async def _well_again(play: Play) -> float:
    """Seconds until a decision is good."""
    began = time.monotonic()
    while time.monotonic() - began < 2 * HEALS_WITHIN * play.slack:
        if (await play.answer(play.fresh()))[0] == "APPROVE":
            break
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def _retry_budget(play: Play) -> None:
    """A list that fails for everybody: retries are a tenth of the first tries, and ten."""
    meter, faults = play.on.vendor.app.meter, play.on.vendor.app.faults
    faults.clear()
    faults.add(Fault("status", "/eincomes", settings={"status": 503}))
    meter.reset()
    for _ in range(DOWN):
        await play.answer(play.fresh())
    faults.clear()
    asked = [call.path for call in meter.calls]
    retries = asked.count("/eincomes") - DOWN
    most = 10 + (len(asked) - retries) / 10
    play.score.row("U5 budget", f"{retries} retries, {most:.0f} allowed" if retries > most else "")
    play.score.told(PART, "retries of a list that is down", f"{retries} of {len(asked)} requests")


async def _circuit(play: Play) -> None:
    """Everything fails: the circuit opens, and one probe in five seconds closes it again."""
    faults = play.on.vendor.app.faults
    faults.add(Fault("status", settings={"status": 500}))
    answers = [await play.answer(play.fresh()) for _ in range(8)]
    play.on.vendor.app.meter.reset()
    last = await play.answer(play.fresh())
    asked = play.on.vendor.app.meter.total
    opened = last[0] == "UPSTREAM_UNAVAILABLE" and asked <= 1
    play.score.row("U5 circuit", "" if opened else f"{answers[-1]} {last}, {asked} requests")
    faults.clear()
    took = await _well_again(play)
    bound = HEALS_WITHIN * play.slack
    play.score.row("U6", f"{took:.1f} s" if took > bound else "")
    play.score.told(PART, "good again after the vendor healed", f"{took:.1f} s")


async def _rules(play: Play) -> None:
    """Texts that YAML libraries take and this service must not."""
    source = (play.on.rules / LOAN / "v1.yaml").read_text()
    texts = {
        "L1 repeated key": f"{source}\ntitle: Another title\n",
        "L1 tab": f"{source}\n\tx: 1\n",
        "L1 unknown key": f"{source}\nnovelty: 1\n",
        "L2 alias": f"{source}\nx: &a [1]\ny: *a\n",
        "L2 deep": f"{source}\nx: {'[' * 20}{']' * 20}\n",
        "L4 type": source.replace("income.months_24m <", "income.months_24m < true and 1 <", 1),
    }
    for row, text in texts.items():
        request = rules_pb.ValidateRulesetRequest(product=LOAN, source=text)
        reply = await play.on.client.rulesets.ValidateRuleset(request, timeout=NINE)
        refused = any(problem.error for problem in reply.problems) and text != source
        play.score.row(row, "" if refused else "taken")


async def _settled(play: Play) -> None:
    """A last good decision on a quiet service, before it is looked at for leaks."""
    await asyncio.sleep(1.0)
    await play.expect("U quiet again", play.fresh(), "APPROVE")
