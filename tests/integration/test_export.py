"""A folder of Parquet for analysts: what the store has, day by day, and no more than that."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import re
import shutil
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext, suppress
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import jsonschema
import pyarrow
import pytest
import yaml
from google.type.money_pb2 import Money as MoneyMessage
from msgspec.structs import replace
from pyarrow import parquet

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1.decision_service_pb2 import CreateDecisionResponse
from decision_service.author.export_folder import CONTRACT, SCHEMAS
from decision_service.casework.outcomes import RecordedOutcome
from decision_service.cli.cases import tag_of
from decision_service.decide.codec import decode_facts, encode_facts
from decision_service.domain.decision import ListAnswer, Outcome
from decision_service.domain.ports import DecisionEntry, StoredText
from decision_service.domain.reviews import ReviewResult, ReviewState
from decision_service.domain.values import Cause, Money
from decision_service.operate.export import tables
from decision_service.rulebook.folder import read_rules
from decision_service.rulebook.load import load_rules
from decision_service.server.transport.wire import amount_text
from tests.kits.outcome_log import BOOKED, told
from tests.kits.recorded_people import DAYS, PRODUCT, RULES, decided, record
from tests.kits.stores import begun, opened
from tests.unit.cli.commands import ROOT, Done, command
from tests.unit.smile.virtual import run

Export = Callable[..., Done]
FIRST, *_, LAST = (f"{day:%Y-%m-%d}" for day in DAYS)
TABLES = ("decisions", "factors", "reasons", "reviews", "loans", "versions")
NOTE = "call Maria, 0917 555 0101"


@cache
def made() -> tuple[Sequence[StoredText], Sequence[DecisionEntry]]:
    """The rules, and decisions on 24 people, eight on each day; a person wrote into the first."""
    loading = load_rules(read_rules(RULES), DAYS[0])
    assert loading.rulebook is not None
    first, *others = run(decided(loading.rulebook.product(PRODUCT), 24))
    facts = decode_facts(first.facts)
    noted = encode_facts(replace(facts, inputs={**facts.inputs, "note": ["t", NOTE]}))
    return loading.texts, [replace(first, facts=noted), *others]


@pytest.fixture
def entries(url: str) -> Sequence[DecisionEntry]:
    """Those that the store has: all of `made`, with loans."""
    texts, entries = made()
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).write_bytes(_recorded())
    else:
        asyncio.run(record(url, texts, entries))
    return entries


@cache
def _recorded() -> bytes:
    """A closed file with all of `made`."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "store.db"
        asyncio.run(record(begun(file), *made()))
        return file.read_bytes()


@pytest.fixture
def export(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Export:
    """The command on the store, into `tmp_path/decisions`."""
    to = tmp_path / "decisions"
    return lambda *words: command(capsys, "decisions", "export", "--store", url, "--to", to, *words)


def manifest(folder: Path) -> dict[str, Any]:
    """What the folder says of itself, after each file was compared with it."""
    said: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    assert said["complete"]
    assert sums(folder) == {one["path"]: one["sha256"] for one in said["files"]}
    for one in said["files"]:
        assert parquet.read_metadata(folder / one["path"]).num_rows == one["rows"]
    return said


def sums(folder: Path) -> dict[str, str]:
    """The digest of each file of Parquet; raises where one is half written."""
    found = {}
    for one in folder.glob("*/*/*"):
        parquet.read_table(one)
        found[str(one.relative_to(folder))] = hashlib.sha256(one.read_bytes()).hexdigest()
    return found


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """What DuckDB answers, where `{table}` is all files of it."""
    places = {name: f"'{folder}/{name}/*/part.parquet'" for name in TABLES}
    return duckdb.sql(query.format(**places)).fetchall()


def tags(folder: Path, table: str = "decisions") -> set[str]:
    """The decisions of a table."""
    return {one for (one,) in rows(folder, f"SELECT DISTINCT decision FROM {{{table}}}")}


def test_the_days_together_are_the_store(entries, export, tmp_path):
    """Every decision once, on its day, with its factors, reasons, offer, review and loan."""
    folder = tmp_path / "decisions"
    done = export()
    assert (done.code, done.out) == (0, f"24 decisions of 3 days in {folder}\n")
    manifest(folder)
    replies = [CreateDecisionResponse.FromString(one.reply).decision for one in entries]
    assert rows(folder, "SELECT decision, day, outcome FROM {decisions} ORDER BY ALL") == sorted(
        (tag_of(one.decision_id), one.created.date(), one.outcome.value) for one in entries
    )
    offered = [
        (tag_of(one.decision_id), amount_text(one.offer.approved_amount))
        for one in replies
        if one.offer.HasField("approved_amount")
    ]
    found = rows(folder, "SELECT decision, approved_amount FROM {decisions} ORDER BY 1")
    assert offered
    assert [(t, f"{a.normalize():f}") for t, a in found if a is not None] == sorted(offered)
    codes = Counter(reason.code for one in replies for reason in one.reasons)
    assert dict(rows(folder, "SELECT code, count(*) FROM {reasons} GROUP BY 1")) == codes
    facts = [decode_facts(one.facts).factors for one in entries]
    named = "factor NOT SIMILAR TO '(inputs|scores|offer|lists)[.].*'"
    missing = "SELECT count(*), count(cause) FROM {factors} WHERE " + named
    values = [factor for one in facts if one is not None for factor in one.values]
    causes = [factor for factor in values if factor.value is None]
    assert rows(folder, missing) == [(len(values), len(causes))]
    lent = {tag_of(one.decision_id) for one in entries if one.outcome == "APPROVE"}
    referred = {tag_of(one.decision_id) for one in entries if one.review is not None}
    assert (tags(folder, "loans"), tags(folder, "reviews")) == (lent, referred)
    versions = "SELECT sum(decisions), bool_and(first_created < last_created) FROM {versions}"
    assert rows(folder, versions) == [(len(entries), True)]
    assert rows(folder, "SELECT count(DISTINCT applicant) FROM {decisions}") == [(24,)]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_nothing_of_a_person_is_in_it(entries, export, tmp_path):
    """No id of the lender's or the vendor's, no reference, and nothing that a person wrote.

    An applicant and a loan have other words in another folder.
    """
    folder, other = tmp_path / "decisions", tmp_path / "other"
    assert export().code == 0
    told = (folder / "manifest.json").read_text()
    told += "".join(str(parquet.read_table(one).to_pylist()) for one in folder.glob("*/*/*"))
    ids = [name for one in entries for name in (one.user_id, one.decision_id, one.request_id)]
    assert [one for one in (*ids, NOTE, "'loan-") if one in told] == []
    assert rows(folder, "SELECT text FROM {factors} WHERE factor = 'inputs.note'") == [(None,)]
    assert export("--to", other).code == 0
    words = "SELECT applicant FROM {decisions} UNION SELECT loan FROM {loans}"
    assert not {*rows(folder, words)} & {*rows(other, words)}


def test_a_row_is_what_was_recorded(tmp_path):
    """Signs and places of numbers, currencies, what the rules concluded, and whose loan it is."""
    entry = next(one for one in made()[1] if one.outcome == "REFER")
    reply, key = CreateDecisionResponse.FromString(entry.reply), b"key"
    wire = {"purpose": ["t", "HOME"], "owed": ["m", "PHP", "-150"], "huge": ["n", "1e26"]}
    wire |= {"even": ["n", "2.50"], "fine": ["n", f"0.{'3' * 20}"], "whole": ["i", "120"]}
    more = {"first_decision": "d", "inputs": wire, "observations": {"owed": ("2026-07-01", "c")}}
    facts = replace(decode_facts(entry.facts), **more, answers=(ListAnswer("a.b", "x", True, ""),))
    own = pb.Reason(code="OWN", points_lost="-0.0000000000015", component="COMPONENT_POLICY")
    kind = {"kind": "CAPPED", "refer_kind": "REFER_KIND_SCORE"}
    capped = pb.Override(**kind, outcome="OUTCOME_APPROVE", reasons=[own])
    amount = MoneyMessage(currency_code="PHP", units=8000)
    offer = pb.Offer(approved_amount=amount, max_amount=amount)
    offer.outputs["note"].text = NOTE
    reply.decision.ClearField("offer")
    reply.decision.MergeFrom(pb.Decision(override=capped, offer=offer))
    reply.decision.expire_time.FromDatetime(entry.created)
    entry = replace(entry, reply=reply.SerializeToString(), facts=encode_facts(facts))
    found: tables.Rows = defaultdict(list)
    tables.add(found, entry, key, {"purpose": ("HOME",)})
    [one] = found["decisions"]
    assert (one["rules_outcome"], one["rules_refer_kind"]) == ("APPROVE", "SCORE")
    assert one["override"] == "CAPPED"
    assert one["expires"] == entry.created
    assert (one["currency"], one["approved_amount"], one["max_amount"]) == ("PHP", 8000, 8000)
    assert one["first_decision"] == tag_of("d")
    file = tmp_path / "decisions"
    both = [one, {**one, "version": None, "digest": None}]
    parquet.write_table(pyarrow.Table.from_pylist(both, SCHEMAS["decisions"]), file)
    assert tables.versions_of(file).num_rows == 1
    lost = [(row["place"], row["points_lost"]) for row in found["reasons"] if row["overridden"]]
    assert lost == [(1, Decimal("-2e-12"))]
    factors = {row.pop("factor"): row for row in found["factors"]}
    owed = {"value": Decimal("-1.5"), "currency": "PHP", "observed": date(2026, 7, 1)}
    assert factors["inputs.owed"].items() >= owed.items()
    exact = {name: factors[f"inputs.{name}"]["exact"] for name in ("huge", "even", "fine", "whole")}
    assert exact == {"huge": "1E+26", "even": "2.50", "fine": f"0.{'3' * 20}", "whole": None}
    assert factors["lists.a.b.x"]["flag"] is True
    assert (factors["inputs.purpose"]["text"], factors["inputs.huge"]["value"]) == ("HOME", None)
    assert "offer.note" not in factors
    assert {row["cause"] for row in factors.values() if "cause" in row} <= {*Cause}
    lent = RecordedOutcome(BOOKED, entry.created)
    loans = [tables.loan(lent, caller, key) for caller in ("los", "crm")]
    assert [one["currency"] for one in loans] == ["PHP", "PHP"]
    assert loans[0]["loan"] != loans[1]["loan"]
    result = ReviewResult(Outcome.APPROVE, "CALLED", NOTE, Money("PHP", 150))
    proposed = replace(entry.review.review, state=ReviewState.AWAITING_SECOND, result=result)
    assert tables.review(proposed)["outcome"] is None
    final = tables.review(replace(proposed, state=ReviewState.COMPLETED, decided_again_as="d"))
    assert (final["decided_again"], tables.review(proposed)["decided_again"]) == (tag_of("d"), None)
    paid = final["outcome"], final["amount"], final["currency"]
    assert paid == ("APPROVE", Decimal("1.5"), "PHP")


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_second_run_writes_what_is_new(url, entries, export, tmp_path):
    """No byte changes without a cause; a loan of an earlier day is written, a decision is not."""
    folder = tmp_path / "decisions"
    assert export("--since", LAST).out.startswith("8 decisions of 1 day")
    assert export().code == 0
    before = sums(folder)
    (folder / f"factors/day={FIRST}/part.parquet").unlink()
    assert export("--since", LAST).code == 0
    assert sums(folder) == before
    lent = next(one for one in entries if one.outcome == "APPROVE")
    report = replace(BOOKED, decision_id=lent.decision_id, loan_id="another")

    async def lend() -> None:
        async with opened(url) as store:
            await told(store, report, lent.caller)

    asyncio.run(lend())
    assert export("--since", LAST).code == 0
    changed = {one for one, digest in sums(folder).items() if before[one] != digest}
    assert changed == {f"loans/day={lent.created:%Y-%m-%d}/part.parquet"}
    manifest(folder)


async def erase(url: str, *entries: DecisionEntry) -> None:
    """Erase people, whose decisions stay in the store."""
    async with opened(url) as store:
        for one in entries:
            await store.erase(one.user_id)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_erased_people_go_from_every_day(url, entries, export, tmp_path):
    """Not only from `--since` on; the manifest says how many, and an empty day goes."""
    folder = tmp_path / "decisions"
    assert export().code == 0
    gone = [entries[0], entries[-1]]
    asyncio.run(erase(url, *gone))
    done = export("--since", LAST)
    assert (done.code, f"{FIRST}: 1 decision removed" in done.out) == (0, True)
    assert manifest(folder)["removed"] == {FIRST: 1, LAST: 1}
    left = tags(folder)
    assert left == {tag_of(one.decision_id) for one in entries[1:-1]}
    assert all(tags(folder, table) <= left for table in TABLES[:-1])
    assert export("--since", LAST).code == 0
    assert manifest(folder)["removed"] == {}
    asyncio.run(erase(url, *entries))
    assert export("--since", LAST).out.startswith("0 decisions of 0 days")
    assert [*folder.glob("*/day=*")] == []


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_who_comes_back_is_in_it_with_what_was_decided_since(url, entries, export, tmp_path):
    """After an erasure, at midnight, with data given anew; what was decided before stays out."""
    before = entries[0]
    midnight = DAYS[-1].replace(day=21, hour=0)
    own = {"decision_id": "dec_since", "request_id": "since", "created": midnight}
    asyncio.run(erase(url, before))

    async def apply_again() -> None:
        async with opened(url) as store:
            await store.commit(replace(before, **own, consent=1))

    asyncio.run(apply_again())
    assert export().out.startswith("24 decisions of 4 days")
    kept = ("dec_since", *(one.decision_id for one in entries[1:]))
    assert tags(tmp_path / "decisions") == {*map(tag_of, kept)}


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.long
def test_whenever_it_is_killed_the_next_run_goes_on(tmp_path, capsys, monkeypatch):
    """At each file that is put: files are whole, and erased people and their count come right."""
    (tmp_path / "store.db").write_bytes(_recorded())
    url, entries = f"sqlite:///{tmp_path}/store.db", made()[1]
    words = ("decisions", "export", "--store", url, "--to")
    whole, wanted = tmp_path / "whole", tmp_path / "wanted"
    for folder in (whole, wanted):
        assert command(capsys, *words, folder).code == 0
    asyncio.run(erase(url, entries[0]))
    assert command(capsys, *words, wanted, "--since", LAST).code == 0
    expected = manifest(wanted)
    move, places = Path.replace, list[Path]()

    def killed(fresh: Path, target: Path) -> Path:
        places.append(target)
        if len(places) == at:
            raise Killed
        return move(fresh, target)

    for at in range(1, 100):
        places.clear()
        folder = tmp_path / f"killed-{at}"
        shutil.copytree(whole, folder)
        monkeypatch.setattr(Path, "replace", killed)
        with suppress(Killed):
            command(capsys, *words, folder, "--since", LAST)
        monkeypatch.setattr(Path, "replace", move)
        sums(folder)
        assert command(capsys, *words, folder, "--since", LAST).code == 0
        paths = [{one["path"] for one in said["files"]} for said in (manifest(folder), expected)]
        assert paths[0] == paths[1]
        if len(places) < at:
            break
        assert manifest(folder)["removed"] == expected["removed"]
        assert tag_of(entries[0].decision_id) not in tags(folder, "factors") | tags(folder)
    assert at > 15


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_programs_read_the_result(entries, export, tmp_path, monkeypatch):
    """`--format json` has counts and no bar; progress is by pages; a full disk is one sentence."""
    folder, pages, seen = tmp_path / "decisions", tmp_path / "pages", []
    done, counts = export("--format", "json"), {"decisions": 24, "days": 3, "removed": {}}
    assert (json.loads(done.out), done.err) == ({"folder": str(folder), **counts}, "")
    before, shown = sums(folder), nullcontext(lambda *at: seen.append(at))
    monkeypatch.setattr("decision_service.operate.export.command.progress", lambda _: shown)
    monkeypatch.setattr("decision_service.operate.export.days._TOGETHER", 5)
    assert export("--to", pages).code == 0
    assert seen == [(n, 24, n) for n in (5, 8, 13, 16, 21, 24)]
    assert tags(pages, "factors") == tags(folder)

    def full(writer: parquet.ParquetWriter, rows: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(parquet.ParquetWriter, "write_table", full)
    done = export()
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"{folder} cannot be written (No space left on device): choose ")
    assert sums(folder) == before


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--since", "yesterday"), "--since is yesterday: write a day as 2026-10-31"),
        (("--store", "sqlite:///none.db"), "there is no store none.db"),
    ],
)
def test_what_is_wrong_is_one_sentence(words, says, entries, export, tmp_path):
    """With exit code 2, and the folder as it was."""
    assert export().code == 0
    before = sums(tmp_path / "decisions")
    done = export(*words)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert says in done.err
    assert sums(tmp_path / "decisions") == before


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_another_folder_is_left_alone(entries, export, tmp_path):
    """One that holds other files, another store's, one in use, and one whose key is lost."""
    folder = tmp_path / "decisions"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    assert "is not empty and holds no export: choose an empty folder" in export().err
    (folder / "mine.txt").unlink()
    assert export().code == 0
    with (folder / ".key").open() as key:
        fcntl.flock(key, fcntl.LOCK_EX)
        assert "another export writes to" in export().err
    said = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(said.replace('"store": "', '"store": "else'))
    assert "holds the export of another store" in export().err
    (folder / "manifest.json").write_text("{")
    assert "holds no export: choose an empty folder" in export().err
    (folder / "manifest.json").write_text(said)
    (folder / ".key").rename(tmp_path / "key")
    assert "has lost .key: put it back" in export().err


_CONTRACT = yaml.safe_load(CONTRACT)


def test_the_contract_is_of_the_standard():
    """By the schema that the Open Data Contract Standard publishes."""
    schema = json.loads((files("open_data_contract_standard") / "schema.json").read_text())
    jsonschema.Draft201909Validator(schema).validate(_CONTRACT)


def assert_types_of_the_contract(folder: Path) -> None:
    """DuckDB finds each column with its type, none more, and a value where one must be."""
    for table in _CONTRACT["schema"]:
        name = f"{{{table['name']}}}"
        described = rows(folder, f"DESCRIBE SELECT * EXCLUDE (day) FROM {name}")
        zoned = "TIMESTAMP WITH TIME ZONE"
        assert [(one[0], one[1].replace(zoned, "TIMESTAMP_TZ")) for one in described] == [
            (one["name"], one["physicalType"]) for one in table["properties"]
        ]
        needed = [one["name"] for one in table["properties"] if one.get("required")]
        nulls = " OR ".join(f'"{one}" IS NULL' for one in needed)
        assert rows(folder, f"SELECT count(*) FROM {name} WHERE {nulls}") == [(0,)]
        keys = ", ".join(f'"{p["name"]}"' for p in table["properties"] if p.get("primaryKey"))
        twice = f"SELECT {keys} FROM {name} GROUP BY {keys} HAVING count(*) > 1"
        assert not keys or rows(folder, twice) == []


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_the_page_shows_what_duckdb_answers(entries, export, tmp_path, monkeypatch):
    """The query of docs/monitoring.md as it is printed, in the folder that it was exported from."""
    assert export().code == 0
    assert_types_of_the_contract(tmp_path / "decisions")
    page = (ROOT / "docs" / "monitoring.md").read_text()
    [query] = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    found = [(outcome, count) for outcome, count, _ in duckdb.sql(query).fetchall()]
    assert found == sorted(Counter(one.outcome.value for one in entries).items())


_COPY = """
INSERT INTO decisions ({names}) SELECT {values} FROM
    (SELECT * FROM decisions ORDER BY created LIMIT 24),
    (WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 4166)
    SELECT n FROM counted)
"""


@pytest.mark.long
def test_a_hundred_thousand_decisions_are_read(tmp_path, capsys):
    """By DuckDB, with the types of the contract; on ninety days, each with its part."""
    (tmp_path / "store.db").write_bytes(_recorded())
    url = f"sqlite:///{tmp_path}/store.db"
    with closing(sqlite3.connect(tmp_path / "store.db")) as store:
        names = [one[1] for one in store.execute("PRAGMA table_info(decisions)")]
        other = {name: f"{name} || '-' || n" for name in ("decision_id", "request_id", "user_id")}
        other["created"] = f"created - {90 * 86_400_000_000} - n % 90 * {86_400_000_000}"
        values = ", ".join(other.get(name, name) for name in names)
        store.execute(_COPY.format(names=", ".join(names), values=values))
        store.commit()
    folder = tmp_path / "decisions"
    done = command(capsys, "decisions", "export", "--store", url, "--to", folder)
    assert done.code == 0, done.err
    assert_types_of_the_contract(folder)
    read = "SELECT count(*), count(DISTINCT decision), count(DISTINCT applicant) FROM {decisions}"
    assert rows(folder, read) == [(100_008,) * 3]
    manifest(folder)
