"""The list of planted faults can be planted: its texts and its tests exist."""

from __future__ import annotations

from collections import Counter

from tests.sabotage.faults import JOURNEYS, ROOT, faults, planted

A_JOURNEY = 4
DRAWN = 10
ALL = 60


def test_each_planted_fault_changes_one_place_of_its_file() -> None:
    for fault in faults():
        assert planted(fault, ROOT) != (ROOT / fault.file).read_text(encoding="utf-8"), fault.name


def test_each_planted_fault_names_files_of_tests_that_exist() -> None:
    for fault in faults():
        assert fault.caught_by, fault.name
        for test in fault.caught_by:
            assert (ROOT / test.partition("::")[0]).is_file(), f"{fault.name}: {test}"


def test_the_list_has_four_faults_a_journey_and_ten_drawn_by_chance() -> None:
    listed = faults()
    assert len({fault.name for fault in listed}) == len(listed) >= ALL
    assert sum(fault.drawn for fault in listed) >= DRAWN
    assert sum(bool(fault.mended) for fault in listed) * 2 >= len(listed) - DRAWN
    of_journeys = Counter(fault.journey for fault in listed)
    assert all(of_journeys[journey] >= A_JOURNEY for journey in JOURNEYS)
