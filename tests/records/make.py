"""Makes the corpus: `python -m tests.records.make` writes all its files anew, the same each time.

People are the stand-in's and those of `tests/stories`; what the service answers is the expectation.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx2
import structlog
import yaml

from bench.people.ordinary import FLAWS, ORDINARY
from bench.people.population import DIFFICULT, EVERYDAY, population
from decision_service.domain.decision import Outcome
from decision_service.domain.values import Money
from decision_service.standin.formats import PROVIDERS
from decision_service.standin.server import build_app
from decision_service.standin.world import World
from tests.records import corpus
from tests.records.corpus import Book, digest_of
from tests.records.plain import Json
from tests.records.replay import replay
from tests.stories.reading import service_story
from tests.stories.story import ServiceStory
from tests.stories.vendor import PROVIDERS as LISTED
from tests.stories.vendor import USER, vendor_of

ROOT = Path(__file__).resolve().parents[2]
LOAN, ADVANCE = "personal-loan-ph", "gig-advance-ph"
TODAY = date(2026, 11, 28)
NOON = datetime(2026, 11, 28, 4, tzinfo=UTC)
LISTS = (
    "accounts", "tasks", "eincomes", "incomes", "contributions", "employments", "liabilities",
    "transactions", "identities", "insights",
)  # fmt: skip
PLAN = """\
unit: user_id
pin_for: 90d
go_live:
  salt: {name}
  stages: [{{name: staff, percent: 0}}, {{name: all, percent: 100}}]
  initial_stage: all
champion: 1
"""
FLOWS: Json = yaml.safe_load((corpus.FOLDER / "flows.yaml").read_text(encoding="utf-8"))
LARGER = {ADVANCE: "PHP 4000"}
Steps = list[dict[str, Json]]
Records = dict[str, Steps]


class Maker:
    """Collects texts and books."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.books: list[Book] = []

    def book(self, name: str, rules: Mapping[str, str], providers: Json, records: Records) -> None:
        """Add a book; its rules are texts by path."""
        paths = {path: digest_of(text) for path, text in rules.items()}
        self.texts |= {paths[path]: text for path, text in rules.items()}
        given = {"rules": paths, "providers": providers, "records": records}
        self.books.append(Book(name, given, {}, {}))


# Rules


def shipped(*changes: tuple[str, str]) -> dict[str, str]:
    """The shipped rules without their tests, with changes of the loan's plan."""
    files = folder_of(ROOT / "rules")
    for old, new in changes:
        assert old in files[f"{LOAN}/rollout.yaml"]
        files[f"{LOAN}/rollout.yaml"] = files[f"{LOAN}/rollout.yaml"].replace(old, new)
    return files


def folder_of(root: Path) -> dict[str, str]:
    """The rules of a folder by path, without tests, stories and schemas."""
    left_out = {"tests", "stories", "_schema"}
    return {
        str(path.relative_to(root)): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix in {".yaml", ".csv"}
        if not left_out & set(path.relative_to(root).parts)
    }


def construct(name: str) -> dict[str, str]:
    """The rules of one construct, with a plan by which all are decided."""
    file = ROOT / "tests/rulesets/constructs" / name / "v1.yaml"
    return {
        f"{name}/v1.yaml": file.read_text(encoding="utf-8"),
        f"{name}/rollout.yaml": PLAN.format(name=name),
    }


def opened(files: Mapping[str, str]) -> dict[str, str]:
    """The same rules, live for everybody."""
    return {
        path: text.replace("initial_stage: staff", "initial_stage: all")
        for path, text in files.items()
    }


# People


async def answers_of(world: World, at: datetime) -> dict[str, Json]:
    """All that the stand-in has of each person of a world, by user and list."""
    app = build_app(world, api_key="k", api_secret="s", clock=lambda: at, requests_per_second=10**6)
    found: dict[str, Json] = {}
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://vendor.test/v1", auth=("k", "s")
    ) as client:
        for user in world.builders:
            found[user] = {name: await _whole(client, name, user) for name in LISTS}
    return found


async def _whole(client: httpx2.AsyncClient, name: str, user: str) -> Json:
    items: list[Json] = []
    asked = {"userId": user, "size": "150"}
    while True:
        answer = await client.get(f"/{name}", params=asked)
        if answer.status_code != 200:
            return answer.status_code
        data = answer.json()["data"]
        items += data["items"]
        if not data.get("nextCursor"):
            return items
        asked["cursor"] = data["nextCursor"]


def told(story: ServiceStory, user: str) -> dict[str, Json]:
    """What the vendor has of a story's person, its user and accounts being this record's own."""
    vendor = vendor_of(story)
    text = json.dumps({name: vendor.lists[f"/v1/{name}"] for name in LISTS}).replace(USER, user)
    lists = json.loads(text)
    for name, items in lists.items():
        for item in items:
            about = item.get("metadata")
            if about:
                about["sourceId"] = f"{user}-{about['sourceId']}"
            if name == "accounts":
                item["id"] = f"{user}-{item['id']}"
    return lists | dict.fromkeys(set(story.failing) - {"providers"}, 503)


# Steps


def at(moment: datetime, **changes: float) -> str:
    """An instant after another one."""
    return (moment + timedelta(**changes)).astimezone(UTC).isoformat()


def apply(when: str, user: str, product: str, amount: object, term: int, **more: Json) -> Json:
    """An application."""
    return {
        "at": when, "do": "apply", "name": "first", "user_id": user, "product": product,
        "amount": f"PHP {amount}", "requested_term_months": term, **more,
    }  # fmt: skip


def sent(value: object) -> Json:
    """An input as it is sent."""
    if isinstance(value, Money):
        return {"money": f"{value.currency} {value.major}"}
    if isinstance(value, bool):
        return {"flag": value}
    if isinstance(value, int | Decimal):
        return {"number": str(value)}
    return {"date": value.isoformat()} if isinstance(value, date) else {"text": value}


def letter(when: str, language: str, of: str = "first") -> Json:
    """The letter of a decision."""
    return {"at": when, "do": "letter", "of": of, "language": language}


def after(outcome: Outcome | None, number: int, asked: Json, start: datetime) -> Steps:
    """What happens after a decision that is expected to be this one, in turn."""
    flows = FLOWS[outcome.value if outcome else "DECLINE"]
    return [_filled(step, number, asked, start) for step in flows[number % len(flows)]]


def _filled(step: Json, number: int, asked: Json, start: datetime) -> Json:
    """A step of a flow for this application."""
    length, unit = int(step["in"][:-1]), {"m": "minutes", "d": "days"}[step["in"][-1]]
    words = {"$asked": asked["amount"], "$larger": LARGER.get(asked["product"], "PHP 30000")}
    filled = {name: words.get(str(value), value) for name, value in step.items() if name != "in"}
    filled["at"] = at(start, **{unit: length})
    if step["do"] == "apply":
        first = {name: value for name, value in asked.items() if name != "vendor"}
        return first | filled | {"name": step["name"]}
    if step["do"] == "loan":
        day = (start + timedelta(**{unit: length}, hours=8)).date().isoformat()
        paid = at(start, days=1)[:10]
        filled |= {"as_of_date": day, "disburse_date": paid, "loan_id": f"L-{number}"}
    usual: dict[str, Json] = {"of": "first"}
    if step["do"] == "erase":
        usual = {"user_id": asked["user_id"]}
    if step["do"] == "letter":
        usual["language"] = ("en", "fil")[number % 2]
    if step["do"] == "review":
        usual["who"] = "ana"
    if "vendor" in step:
        filled["vendor"] = {asked["user_id"]: {}}
    return usual | filled


# Books


def stories() -> Iterator[tuple[str, Json, Records]]:
    """Books of the stories, forty records each, by the version and the providers that they need."""
    groups: dict[tuple[str, str], Records] = {}
    seen = Counter[Outcome | None]()
    for path in sorted((ROOT / "tests/stories").glob("*.yaml")):
        story = service_story(path, path.name)
        version = story.rules.ruleset.version if story.product == LOAN else 1
        kind = "failing" if story.failing else f"v{version}"
        records = groups.setdefault((kind, story.product), {})
        records[story.name] = story_steps(story, seen[story.outcome])
        seen[story.outcome] += 1
    for (kind, product), records in sorted(groups.items()):
        listed: Json = [
            {"id": name, "type": type_, "supported": list(supported)}
            for name, (type_, supported) in LISTED.items()
        ]
        every = [*records.items()]
        for part, first in enumerate(range(0, len(every), 42)):
            name = f"stories_{product.split('-')[1]}_{kind}_{part + 1}"
            yield name, 501 if kind == "failing" else listed, dict(every[first : first + 42])


def story_steps(story: ServiceStory, number: int) -> Steps:
    """The application of a story, and what follows it."""
    user, start = f"u-{story.name}", story.rules.case.as_of
    assert start is not None
    inputs = dict(story.rules.case.given.inputs)
    more: dict[str, Json] = {"inputs": {}, "vendor": {user: told(story, user)}}
    if amount := inputs.pop("requested_amount", None):
        more["amount"] = sent(amount)["money"]
    if (term := inputs.pop("requested_term_months", None)) is not None:
        more["requested_term_months"] = term
    more["inputs"] = {name: sent(value) for name, value in inputs.items()}
    if given := story.rules.applicant:
        born = given.birth_date.isoformat() if given.birth_date else ""
        more["applicant"] = {
            "name": given.name, "birth_date": born, "phone": given.phone, "email": given.email,
        }  # fmt: skip
    asked = {"at": at(start.instant), "do": "apply", "name": "first", "user_id": user,
             "product": story.product, **more}  # fmt: skip
    return [asked, *after(story.outcome, number, asked, start.instant)]


def applicants(answers: Mapping[str, Json], product: str) -> Records:
    """A record for each of these people: an application, and in turn what may follow a referral,
    an approval or a decline.
    """
    amounts = (
        (8_000, 12_000, 20_000, 30_000) if product != ADVANCE else (1_500, 2_000, 3_000, 5_000)
    )
    turns = (Outcome.REFER, Outcome.APPROVE, Outcome.DECLINE)
    found: Records = {}
    for number, (user, lists) in enumerate(answers.items()):
        term = 1 if product == ADVANCE else (6, 12, 3)[number % 3]
        begin = NOON + timedelta(minutes=number)
        asked = apply(at(begin), user, product, amounts[number % 4], term, vendor={user: lists})
        found[user] = [asked, *after(turns[number % 3], number // 3, asked, begin)]
    return found


def segments(answers: Mapping[str, Json], product: str) -> Records:
    """Applications of people to a product of two segments, each person in one of them."""
    found: Records = {}
    for number, (user, lists) in enumerate(answers.items()):
        inputs = {"customer_type": {"text": ("new", "existing")[number % 2]}}
        begin = NOON + timedelta(minutes=number)
        amount = (5_000, 21_000, 50_000)[number % 3]
        asked = apply(at(begin), user, product, amount, 6, vendor={user: lists}, inputs=inputs)
        found[user] = [asked, letter(at(begin, hours=1), "en")]
    return found


def combined(answers: Mapping[str, Json]) -> Records:
    """Applications to the product of every construct, before and after its figures change."""
    found: Records = {}
    for number, (user, lists) in enumerate(answers.items()):
        inputs = {
            "customer_type": {"text": ("new", "existing")[number % 2]},
            "region": {"text": ("NCR", "VISAYAS", "MINDANAO")[number % 3]},
            "employer_code": {"text": ("E-1", "ACME", "P-100", "B-9")[number % 4]},
            "has_phone": {"flag": number % 2 == 0},
        }
        begin = NOON + timedelta(minutes=number)
        asked = apply(at(begin), user, "every-construct-ph", 10_000, (3, 6, 12)[number % 3],
                      vendor={user: lists}, inputs=inputs)  # fmt: skip
        again = {**asked, "name": "second", "at": at(begin, days=4)}
        again.pop("vendor")
        found[user] = [asked, again]
    return found


def refused(answers: Mapping[str, Json]) -> Records:
    """Applications that cannot be decided, and two users with one account."""
    users = [*answers]
    one, two = users[0], users[1]
    whole = {one: answers[one]}
    good = apply(at(NOON), one, LOAN, 12_000, 6, vendor=whole)
    wrong: dict[str, Json] = {
        "no amount": {k: v for k, v in good.items() if k != "amount"},
        "dollars": good | {"amount": "USD 1000"},
        "amount too large": good | {"amount": "PHP 900000"},
        "term too long": good | {"requested_term_months": 99},
        "unknown product": good | {"product": "no-loan"},
        "unknown user": good | {"user_id": "u-of-no-vendor"},
        "unknown input": good | {"inputs": {"shoe_size": {"number": "44"}}},
        "input of another type": good | {"inputs": {"declared_monthly_debt": {"flag": True}}},
        "born in the future": good | {"applicant": {"birth_date": "2030-01-01"}},
        "no letter": good | {"amount": "PHP 1"},
    }
    found: Records = {name: [step] for name, step in wrong.items()}
    found["no letter"].append(letter(at(NOON), "ceb"))
    for name, source in (("shared account", one), ("shared account of another", two)):
        other = f"{source}-other"
        lists = json.dumps(answers[source])
        lists = lists.replace(f'"userId": "{source}"', f'"userId": "{other}"')
        mine, theirs = {source: answers[source]}, {other: json.loads(lists)}
        asked = apply(at(NOON, hours=1), source, LOAN, 12_000, 6, vendor=mine)
        theirs = apply(at(NOON, hours=2), other, LOAN, 12_000, 6, vendor=theirs)
        back = {**asked, "name": "third", "at": at(NOON, hours=3)}
        customer = {**asked, "name": "fourth", "at": at(NOON, hours=4), "customer_ref": "C-2"}
        found[name] = [asked, {**theirs, "name": "second"}, back, customer]
    return found


def shrinking(answers: Mapping[str, Json]) -> Records:
    """People whose data is less at the second application, or a list of which fails then."""
    found: Records = {}
    for number, (user, lists) in enumerate(answers.items()):
        asked = apply(at(NOON, minutes=number), user, LOAN, 12_000, 6, vendor={user: lists})
        kind = ("eincomes", "contributions", "incomes", "transactions")[number % 4]
        fewer = lists | {kind: lists[kind][len(lists[kind]) // 2 :] if number % 2 else 501}
        again = {**asked, "name": "second", "at": at(NOON, days=2, minutes=number)}
        again["vendor"] = {user: fewer}
        found[user] = [asked, again, letter(at(NOON, days=2, hours=2), "en", "second")]
    return found


async def people(seed: int, count: int, *profiles: str) -> dict[str, Json]:
    """The stand-in's people with these profiles in turn."""
    return await answers_of(population(seed, count, TODAY, profiles), NOON)


async def made() -> Maker:
    """All books, without answers."""
    maker, listed = Maker(), [*PROVIDERS.values()]
    second = ("champion: 1", "champion: 2")
    for name, providers, records in stories():
        rules = shipped(second) if "_v2_" in name else shipped()
        maker.book(name, rules, providers, records)
    rides = [name for name in ORDINARY if "_rider_" in name]
    works = [name for name in ORDINARY if "_rider_" not in name]
    flaws = tuple(f"_{flaw.__name__}" for flaw in FLAWS)
    sound = [name for name in works if not name.endswith(flaws)][::7]
    some = await people(41, 21, *works[::3])
    maker.book("ordinary_loan", shipped(), listed, applicants(some, LOAN))
    some = await people(44, 15, *works[2::3])
    maker.book("ordinary_loan_v2", shipped(second), listed, applicants(some, LOAN))
    some = await people(45, 15, *rides)
    maker.book("ordinary_advance", shipped(), listed, applicants(some, ADVANCE))
    some = await people(46, 25, *DIFFICULT, *EVERYDAY)
    maker.book("difficult_loan", shipped(), listed, applicants(some, LOAN))
    some = await people(48, 4, *sound[:2], *EVERYDAY[:2])
    maker.book("shrinking", shipped(), listed, shrinking(some))
    some = await people(49, 2, *EVERYDAY[:1])
    maker.book("refused", shipped(), listed, refused(some))
    some = await people(50, 14, *sound)
    rollout = (
        ("initial_stage: all", "initial_stage: half"),
        ("deny: []", f"deny: [{next(iter(some))}]"),
        ("champion: 1", CHALLENGER),
    )
    maker.book("rollout", shipped(*rollout), listed, applicants(some, LOAN))
    some = await people(51, 9, *sound)
    caps = ("guardrails:", "caps:\n  - {name: all, amount_per_day: 15000}\nguardrails:")
    maker.book("caps", shipped(caps), listed, applicants(some, LOAN))
    folder = opened(folder_of(ROOT / "tests/rulesets/segments"))
    some = await people(52, 14, *sound[:3], *EVERYDAY[:4])
    cards, figures = dict([*some.items()][:8]), dict([*some.items()][8:])
    records = segments(cards, "two-cards-ph") | segments(figures, "table-figures-ph")
    maker.book("segments", folder, listed, records)
    for number, name in enumerate(("probability", "longest-term", "tags")):
        some = await people(53 + number, 5, *sound[number : number + 3], "thin", "gig")
        maker.book(name.replace("-", "_"), construct(name), listed, applicants(some, name))
    some = await people(56, 8, *sound[:3], *EVERYDAY[:3])
    folder = opened(folder_of(ROOT / "tests/rulesets/combined"))
    maker.book("combined", folder, listed, combined(some))
    return maker


CHALLENGER = """champion: 1
  challenger:
    version: 2
    salt: personal-loan-ph-v2
    stages: [{name: half, percent: 50}]
    initial_stage: half"""


def main() -> None:
    """Make the books, answer them by the service of today, and write all files."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    maker = asyncio.run(made())
    with tempfile.TemporaryDirectory() as folder:
        answered = asyncio.run(replay(maker.books, maker.texts, Path(folder), facts=True))
    for path in corpus.FOLDER.glob("*.json.xz"):
        path.unlink()
    corpus.write_texts(maker.texts)
    for book in maker.books:
        answers, facts = answered[book.name]
        corpus.write_book(Book(book.name, book.given, facts, answers))
    corpus.SUMS.write_text("\n".join(corpus.sums()) + "\n", encoding="utf-8")
    sys.stdout.write(_shown(maker.books, answered))


def _shown(books: list[Book], answered: Mapping[str, tuple[Json, Json]]) -> str:
    """How many answers of each kind there are."""
    told = Counter[str]()
    for book in books:
        for record, steps in book.given["records"].items():
            for step, answer in zip(steps, answered[book.name][0][record], strict=True):
                words = (answer.get(name, "") for name in ("refused", "outcome", "refer_kind"))
                told[" ".join(filter(None, (step["do"], step.get("act"), *words)))] += 1
    return "".join(f"{number:5} {name}\n" for name, number in sorted(told.items()))


if __name__ == "__main__":
    main()
