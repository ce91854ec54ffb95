"""Made-up people in another country and currency."""

from __future__ import annotations

import json
from datetime import date

import pytest

from decision_service.standin.commands import ScenarioRefused, load_scenario
from decision_service.standin.sandbox import sandbox_data, sandbox_people
from decision_service.standin.world import Residence, ResidenceRefused
from tests.unit.cli.commands import command
from tests.unit.simulator.stand import GEORGE, open_stand

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize("name", [person.user_name for person in sandbox_people()])
def test_country_and_currency_change_and_nothing_else(name: str) -> None:
    """Written back to pesos and their own country the data is what it was, to the figure."""
    person = {one.user_name: one for one in sandbox_people()}[name]
    there = json.dumps(sandbox_data(name, TODAY, Residence("ID", "IDR")))
    assert '"currency": "PHP"' not in there
    back = there.replace('"currency": "IDR"', '"currency": "PHP"').replace(
        '"countryResidence": "ID"', f'"countryResidence": "{person.country}"'
    )
    assert json.loads(back) == sandbox_data(name, TODAY)


@pytest.mark.parametrize(("country", "currency"), [("id", "PHP"), ("IDN", "PHP"), ("ID", "rupiah")])
def test_what_is_no_code_is_refused(country: str, currency: str) -> None:
    """Codes are two and three capital letters, as the vendor writes them."""
    with pytest.raises(ResidenceRefused, match="capital letters"):
        Residence(country, currency)


async def test_a_scenario_moves_everybody() -> None:
    """The people of the sandbox, in every list of the stand-in."""
    scenario = load_scenario({"residence": {"country": "SG", "currency": "SGD"}})
    async with open_stand(scenario.world, residence=scenario.residence) as stand:
        assert {one["countryResidence"] for one in await stand.items("/identities")} == {"SG"}
        paid = await stand.items("/incomes", userId=GEORGE.user_id)
        assert {one["currency"] for one in paid} == {"SGD"}
        assert "PHP" not in json.dumps(paid)


@pytest.mark.parametrize("wrong", [{"country": "id"}, {"currency": 5}, {"town": "Jakarta"}, "ID"])
def test_a_scenario_with_a_wrong_residence_says_where(wrong: object) -> None:
    """One sentence that begins with the place."""
    with pytest.raises(ScenarioRefused, match=r"^residence"):
        load_scenario({"residence": wrong})


def test_people_are_shown_as_the_stand_in_has_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command takes the settings of the service."""
    monkeypatch.setenv("DECISION_EMBEDDED_COUNTRY", "ID")
    monkeypatch.setenv("DECISION_EMBEDDED_CURRENCY", "IDR")
    shown = json.loads(command(capsys, "sandbox", "people", "--data", "--format", "json").out)
    assert {one["country"] for one in shown} == {"ID"}
    assert {one["currency"] for one in shown[0]["data"]["incomes"]} == {"IDR"}
    assert command(capsys, "sandbox", "people", "--country", "id").code == 2
