"""What is read of a person, and where nothing of it is."""

import pytest
from msgspec.structs import replace

from decision_service.domain.accounts import Kind
from decision_service.domain.person import FoundPerson
from decision_service.domain.snapshot import Identity
from decision_service.domain.values import Cause
from decision_service.smile.records import WITH_PEOPLE
from tests.unit.smile.gathering import MONTHLY, gathered
from tests.unit.smile.items import account, identity, metadata
from tests.unit.smile.vendor import Vendor, body_of

NAMED = {"firstName": "Juan", "middleName": "Perez", "lastName": "Dela Cruz", "suffix": "Jr"}
PEOPLE = replace(MONTHLY, kinds=MONTHLY.kinds | {Kind.IDENTITIES}, people=True)
SOURCE = metadata()["sourceId"]


def person(**changes):
    """The person of a made-up identity with these changes."""
    listing = WITH_PEOPLE[Kind.IDENTITIES]
    (item,) = listing.decode(body_of([identity(**changes)])).items
    return listing.record(item, "a-x").person


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        (NAMED, "Dela Cruz, Juan Perez Jr"),
        (NAMED | {"suffix": None, "middleName": ""}, "Dela Cruz, Juan"),
        (NAMED | {"lastName": None, "fullName": "Juan P. Dela Cruz"}, "Juan P. Dela Cruz"),
        ({"fullName": "Juan"}, "Juan"),
        ({"fullName": None}, ""),
        ({"fullName": "x" * 201}, ""),
        (NAMED | {"middleName": "x" * 200}, ""),
    ],
)
def test_a_name_is_taken_in_parts_where_the_vendor_tells_them_apart(changes, name):
    """A comma keeps surname and given names apart; a name too long is none."""
    assert person(**changes).name == name


def test_contacts_are_bounded_and_each_is_taken_once():
    """Null, empty and overlong ones are left out."""
    numbers = [None, "", "+639171234567", "+639171234567", "1" * 41, *map(str, range(100))]
    addresses = ["a@x.ph", "A@x.ph", "x" * 255, None]
    found = person(
        phones=[{"number": number, "type": "Mobile"} for number in numbers],
        emails=[{"address": address, "type": None} for address in addresses],
    )
    assert found.phones == ("+639171234567", *map(str, range(19)))
    assert found.emails == ("a@x.ph", "A@x.ph")
    assert person(phones=None, emails=None) == person()


async def test_people_stand_beside_the_identities_of_a_snapshot():
    """The identities themselves are what they are without people."""
    vendor = someone()
    snapshot = (await gathered(vendor, PEOPLE)).snapshot
    (record,) = snapshot.identities.records
    assert record == Identity("i-1", SOURCE, record.birth_date)
    assert type(record) is Identity
    expected = FoundPerson(
        "Dela Cruz, Juan Perez Jr", record.birth_date, ("+639171234567",), ("j@x.ph",), SOURCE
    )
    assert snapshot.identities.people == (expected,)


async def test_nothing_of_a_person_is_read_where_no_rule_compares():
    """Not even looked at: names and contacts of another form are no fault then."""
    plan = replace(PEOPLE, people=False)
    odd = {"fullName": 7, "emails": "none", "phones": [1]}
    (plain, read) = [(await gathered(someone(**changes), plan)).snapshot for changes in ({}, odd)]
    assert plain == read
    assert read.identities.people is None
    assert read.identities.faults == ()


async def test_a_person_of_another_form_is_a_fault_where_rules_compare():
    """Nothing is guessed of it."""
    snapshot = (await gathered(someone(phones=[1]), PEOPLE)).snapshot
    faults = snapshot.identities.faults
    assert {fault.cause for fault in faults} == {Cause.BAD_DATA}
    assert snapshot.identities.people == ()


def someone(**changes):
    """A vendor with one account and one identity."""
    contacts = {"phones": [{"number": "+639171234567"}], "emails": [{"address": "j@x.ph"}]}
    who = identity(**{**NAMED, **contacts, **changes})
    return Vendor(accounts=[account()], identities=[who])
