"""The suite itself: skipped tests are counted, planted faults can be planted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.kits import skips
from tests.sabotage.faults import JOURNEYS, faults, planted

ROOT = Path(__file__).parents[3]
KNOWN = [skips.Known("there is no Node", 2, "it comes from elsewhere", lacking=True)]

TESTS = """
import pytest
from tests.kits.skips import count_skips

@pytest.mark.parametrize("number", range({many}))
def test_skipped(number):
    pytest.skip("{reason}")

@pytest.mark.xfail(reason="known")
def test_expected():
    assert False

def test_passes():
    pass
"""

CONFTEST = "from tests.kits.skips import count_skips as pytest_configure\n"


def run(folder: Path, reason: str, many: int, *words: str, **environ: str) -> tuple[int, str]:
    """Exit code and output of a run in which so many tests are skipped for a reason."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(TESTS.format(reason=reason, many=many))
    ours = {name: one for name, one in os.environ.items() if name not in {"CI", "SKIPS_FILE"}}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words, str(folder)],
        cwd=folder,
        env=ours | {"PYTHONPATH": str(ROOT)} | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({}, []),
        ({"there is no Node: install it": 2}, []),
        (
            {"there is no Node: install it": 3},
            ["3 skipped, and .ci/skips.toml knows 2: there is no Node: install it"],
        ),
        ({"no Go": 1}, ["1 skipped, and .ci/skips.toml does not know why: no Go"]),
    ],
)
def test_what_is_refused(found: dict[str, int], says: list[str]) -> None:
    """A reason that is not known, and more tests than are known of one."""
    assert [*skips.refused(found, KNOWN)] == says


@pytest.mark.parametrize("words", [(), ("-n", "2")], ids=["one process", "two"])
def test_an_unknown_reason_fails_in_ci(tmp_path: Path, words: tuple[str, ...]) -> None:
    """It is counted once at the end, whatever the number of processes."""
    code, out = run(tmp_path, "there is no Zig: install it", 3, *words, CI="1")
    assert code == 1
    assert "\n3 skipped: there is no Zig: install it\n" in out
    assert "FAILED 3 skipped, and .ci/skips.toml does not know why: there is no Zig" in out


def test_an_unknown_reason_passes_elsewhere(tmp_path: Path) -> None:
    """It is counted all the same."""
    code, out = run(tmp_path, "there is no Zig: install it", 3)
    assert (code, "\n3 skipped: there is no Zig: install it\n" in out) == (0, True)


def test_a_known_reason_passes_and_is_written_for_the_check(tmp_path: Path) -> None:
    """With its count, and whether the machine lacks something."""
    file = tmp_path / "skips"
    for reason in ("it does not compile", "there is no promtool: apt-get install prometheus"):
        code, _ = run(tmp_path, reason, 1, CI="1", SKIPS_FILE=str(file))
        assert code == 0
    found = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(one["count"], one["lacking"]) for one in found] == [(1, False), (1, True)]


def test_each_known_reason_says_why() -> None:
    """In a sentence, and each begins as no other does."""
    known = skips.read_known()
    assert all(len(one.why) > 20 and one.most > 0 for one in known)
    assert all(skips.of_reason(one.begins, known) is one for one in known)


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
