"""rules diff and rules prove: versions, states and revisions side by side, and what is proved."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from decision_service.cli.output import Exit
from tests.fakes.shipped import CHAMPION
from tests.kits.cases import cases
from tests.unit.author.test_case_line import line
from tests.unit.cli.commands import SHIPPED, WORKED_EXAMPLE, command, product_folder

EXAMPLE = WORKED_EXAMPLE / "v1.yaml"


def second_version(folder, *edits):
    """A second version beside the first, with some texts replaced."""
    text = EXAMPLE.read_text().replace("version: 1", "version: 2", 1)
    for old, new in edits:
        text = text.replace(old, new, 1)
    (folder / "v2.yaml").write_text(text)
    return folder / "v2.yaml"


def test_versions_are_named_by_product_and_number(capsys, tmp_path):
    second_version(product_folder(tmp_path), ("2026-12-01: 6}", "2026-12-01: 8}"))
    words = ("personal-loan-ph@1", "personal-loan-ph@v2", "--rules", tmp_path / "rules")
    done = command(capsys, "rules", "diff", *words)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "personal-loan-ph v1 → personal-loan-ph v2: 2 changes",
        "about the version",
        "  changes: version from 1 to 2",
        "parameters",
        "  changes: minimum income months (min_income_months) from 6 to 8 on 2026-12-01",
    ]


def test_files_anywhere_are_compared(capsys, tmp_path):
    other = second_version(tmp_path)
    done = command(capsys, "rules", "diff", EXAMPLE, other.rename(tmp_path / "other.yaml"))
    assert done.code == 0
    assert "identical behaviour under another name" in done.out


def test_a_file_against_itself_is_identical(capsys):
    done = command(capsys, "rules", "diff", EXAMPLE, EXAMPLE)
    assert done.code == 0
    assert "identical behaviour (digest " in done.out


def test_json_lists_the_changes(capsys, tmp_path):
    other = second_version(tmp_path, ("points: 40", "points: 45"))
    done = command(capsys, "rules", "diff", EXAMPLE, other, "--format", "json")
    found = json.loads(done.out)
    assert not found["identical"]
    assert (found["before"]["version"], found["after"]["version"]) == (1, 2)
    change = found["changes"][-1]
    assert (change["group"], change["before"], change["after"]) == ("stage score", "40", "45")


def test_a_side_that_does_not_compile_is_a_finding(capsys, tmp_path):
    other = second_version(tmp_path, ("points: 40", "points: forty"))
    done = command(capsys, "rules", "diff", EXAMPLE, other)
    assert (done.code, done.out) == (1, "")
    assert "v2.yaml:" in done.err


def test_a_side_that_is_not_there_is_wrong_usage(capsys):
    done = command(capsys, "rules", "diff", EXAMPLE, "nowhere.yaml")
    assert (done.code, len(done.err.splitlines())) == (2, 1)


CHALLENGED = """\
challenger:
  version: 2
  salt: personal-loan-ph-v2
  stages: [{name: one, percent: 1}]
  initial_stage: one
caps:
  - {name: all, approvals_per_day: 400}
"""


@pytest.fixture
def states(tmp_path):
    """Two rules folders: a product, and the same with another plan, version 2 and a list's key."""
    old = product_folder(tmp_path / "old").parent
    (old / "_shared" / "lists").mkdir(parents=True)
    (old / "_shared" / "lists" / "blocked.csv").write_text("key\nA\nB\n")
    new = tmp_path / "new" / "rules"
    shutil.copytree(old, new)
    second_version(new / "personal-loan-ph", ("2026-12-01: 6}", "2026-12-01: 8}"))
    plan = new / "personal-loan-ph" / "rollout.yaml"
    plan.write_text(plan.read_text().replace("percent: 100", "percent: 50") + CHALLENGED)
    (new / "_shared" / "lists" / "blocked.csv").write_text("key\nA\nC\nD\n")
    return old, new


def test_two_folders_are_compared_with_their_plans_and_lists(capsys, states):
    """Versions, the whole plan and lists follow each other, each with what was and what is."""
    done = command(capsys, "rules", "diff", *states)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"{states[0]} → {states[1]}",
        "personal-loan-ph v2 (challenger) against v1: 2 changes",
        "  about the version",
        "    changes: version from 1 to 2",
        "  parameters",
        "    changes: minimum income months (min_income_months) from 6 to 8 on 2026-12-01",
        "personal-loan-ph rollout plan: 6 changes",
        "  go-live",
        "    tightens: stage all: percent from 100 to 50",
        "  challenger",
        "    changes: the challenger is new: v2",
        "    changes: salt is new: personal-loan-ph-v2",
        "    changes: stage one is new: percent 1",
        "    changes: initial stage (initial_stage) is new: one",
        "  caps",
        "    tightens: cap all is new: approvals per day 400",
        "changes: _shared/lists/blocked.csv has 2 keys more and 1 fewer",
        "2 loosenings to be accepted by name:",
        "  personal-loan-ph/tests/v2.yaml: the file is gone",
        "  _shared/lists/blocked.csv: the list has 2 keys more and 1 fewer",
    ]


def test_programs_read_the_same_of_two_folders(capsys, states):
    done = command(capsys, "rules", "diff", states[1], states[0], "--format", "json")
    found = json.loads(done.out)
    assert (done.code, found["gone"], found["versions"]) == (0, ["personal-loan-ph v2"], [])
    [plan], [keys] = found["plans"], found["lists"]
    assert plan["product"] == "personal-loan-ph"
    assert (len(plan["before"]), len(plan["after"])) == (64, 64)
    [stage] = [change for change in plan["changes"] if change["group"] == "go-live"]
    assert (stage["before"], stage["after"], stage["sort"]) == ("50", "100", "changed")
    assert (keys["added"], keys["removed"]) == (1, 2)


def test_a_product_or_a_plan_alone_is_compared(capsys, states):
    products = [folder / "personal-loan-ph" for folder in states]
    whole = command(capsys, "rules", "diff", *states).out.splitlines()
    assert command(capsys, "rules", "diff", *products).out.splitlines()[1:] == whole[1:]
    plans = [product / "rollout.yaml" for product in products]
    assert command(capsys, "rules", "diff", *plans).out.splitlines()[1:] == whole[6:16]


def test_the_same_state_has_no_difference(capsys, states):
    done = command(capsys, "rules", "diff", states[1], states[1])
    assert done.out.endswith(": no version, plan, list or guard differs\n")
    assert (done.code, len(done.out.splitlines())) == (0, 1)


def test_a_product_that_comes_or_goes_is_told_with_its_plan(capsys, states, tmp_path):
    old, _ = states
    shutil.copytree(old, tmp_path / "both")
    command(capsys, "rules", "new", "small-loan", "--rules", tmp_path / "both")
    came = command(capsys, "rules", "diff", old, tmp_path / "both").out
    assert "small-loan v1 (champion): is new" in came
    assert "small-loan rollout plan: " in came
    went = command(capsys, "rules", "diff", tmp_path / "both", old).out.splitlines()[1:]
    assert went == [
        "small-loan v1 is gone",
        "small-loan rollout plan: 1 change",
        "  plan",
        "    changes: the plan is gone",
        "1 loosening to be accepted by name:",
        "  small-loan: the product is gone",
    ]


def test_a_pipeline_fails_on_a_loosening_that_nobody_accepted(capsys, states):
    """A copy without its tests made champion is one as their deletion is; its file accepts it."""
    words = ("rules", "diff", *states, "--fail-on-loosening")
    done = command(capsys, *words)
    assert done.code == 1
    assert "personal-loan-ph/tests/v2.yaml: the file is gone" in done.err
    meant = ("personal-loan-ph/tests/v2.yaml", "_shared/lists/blocked.csv: the list")
    left = command(capsys, *words, "--accept", meant[0])
    assert (left.code, left.err.splitlines()[1:]) == (
        1,
        ["_shared/lists/blocked.csv: the list has 2 keys more and 1 fewer (changes)"],
    )
    assert command(capsys, *words, "--accept", meant[0], "--accept", meant[1]).code == 0
    assert command(capsys, "rules", "diff", EXAMPLE, EXAMPLE, "--fail-on-loosening").code == 2


@pytest.mark.parametrize(
    ("one", "two", "told"),
    [
        ("", EXAMPLE, "name two versions, or two folders or git revisions"),
        ("", "personal-loan-ph", "name the same part of both"),
        ("", "nowhere", "nowhere is neither a folder nor a revision"),
    ],
)
def test_sides_that_do_not_go_together_are_wrong_usage(capsys, states, one, two, told):
    done = command(capsys, "rules", "diff", states[0] / one, _side(states[1], two))
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert told in done.err


def _side(folder, word):
    return word if word in (EXAMPLE, "nowhere") else folder / word


def test_a_side_that_does_not_load_is_a_finding(capsys, states):
    plan = states[1] / "personal-loan-ph" / "rollout.yaml"
    plan.write_text(plan.read_text().replace("percent: 50", "percent: 500"))
    done = command(capsys, "rules", "diff", *states)
    assert (done.code, done.out) == (1, "")
    assert "personal-loan-ph/rollout.yaml:" in done.err


def test_a_shadow_that_becomes_the_champion_is_compared_with_the_old_champion(capsys, states):
    _, old = states
    new = old.parent / "later"
    shutil.copytree(old, new)
    plan = new / "personal-loan-ph" / "rollout.yaml"
    without = plan.read_text().partition("challenger:\n")[0]
    plan.write_text(without.replace("champion: 1", "champion: 2"))
    done = command(capsys, "rules", "diff", old, new)
    assert "personal-loan-ph v2 (champion) against v1: 2 changes" in done.out.splitlines()


PRODUCT = "personal-loan-ph"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with the tags `shipped`, `changed`, `broken` and `empty`."""
    root = tmp_path_factory.mktemp("repository")
    _git(root, "init", "--quiet")
    (root / "README.md").write_text("Rules.\n")
    _commit(root, "empty")
    shutil.copytree(SHIPPED, root / "rules", ignore=shutil.ignore_patterns("gig-advance-ph"))
    _commit(root, "shipped")
    version = root / "rules" / PRODUCT / f"v{CHAMPION}.yaml"
    text = version.read_text()
    old, new = ("min_monthly_income: {type: money, value: " + n + "}" for n in ("8000", "9000"))
    version.write_text(text.replace(old, new))
    (root / "rules" / PRODUCT / "v2.yaml").unlink()
    for file in (root / "rules" / PRODUCT).glob("*/*v2*.yaml"):
        file.unlink()
    _commit(root, "changed")
    version.write_text(text.replace(old, "min_monthly_income: {type: mony, value: 1}"))
    _commit(root, "broken")
    return root


def _git(root: Path, *words: str) -> None:
    own = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false")
    subprocess.run(("git", *own, *words), cwd=root, check=True, capture_output=True)


def _commit(root: Path, tag: str) -> None:
    _git(root, "add", "--all")
    _git(root, "commit", "--quiet", "--message", tag)
    _git(root, "tag", tag)


def test_two_revisions_are_compared_as_two_folders_are(repository, monkeypatch, capsys):
    monkeypatch.chdir(repository)
    done = command(capsys, "rules", "diff", "shipped", "changed")
    assert (done.code, done.err) == (Exit.DONE, "")
    lines = done.out.splitlines()
    assert lines[:3] == [
        "shipped → changed",
        f"{PRODUCT} v2 is gone",
        f"{PRODUCT} v{CHAMPION} (champion) against v{CHAMPION}: 1 change",
    ]
    assert "minimum monthly income (min_monthly_income) from 8000 to 9000" in lines[4]


@pytest.mark.parametrize("sides", [("shipped", "broken"), ("broken", "changed")])
def test_a_revision_that_does_not_load_is_a_finding(sides, repository, monkeypatch, capsys):
    monkeypatch.chdir(repository)
    done = command(capsys, "rules", "diff", *sides)
    assert (done.code, done.out) == (Exit.FINDINGS, "")
    assert f"{PRODUCT}/v{CHAMPION}.yaml:" in done.err


@pytest.mark.parametrize(("words", "told"), cases("cli/rules_revisions"))
def test_what_is_wrong_is_one_sentence(words, told, repository, monkeypatch, capsys):
    monkeypatch.chdir(repository)
    done = command(capsys, "rules", "diff", *words)
    assert (done.code, done.out) == (Exit.USAGE, "")
    assert told in done.err


def test_without_git_two_folders_do(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    done = command(capsys, "rules", "diff", "main", "HEAD")
    assert "there is no git repository here" in done.err
    monkeypatch.setenv("PATH", str(tmp_path))
    done = command(capsys, "rules", "diff", "main", "HEAD")
    assert (done.code, "git is not installed" in done.err) == (Exit.USAGE, True)


TIGHTER = "PROVED: no applicant gets a better outcome or a larger amount"
NOT_LOOSER = "COUNTEREXAMPLE: not so: no applicant gets a worse outcome or a smaller amount; "
OTHER = "COUNTEREXAMPLE: not so: no applicant is decided differently; "
GIG = "gig-advance-ph@1"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folders(tmp_path: Path, capsys: Capture) -> tuple[Path, Path]:
    """The product that `rules new` writes, and the same with two months more of income asked."""
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
        command(capsys, "rules", "new", "small-loan", "--rules", folder)
    file = new / "small-loan" / "v1.yaml"
    months = "min_income_months: {type: integer, value: "
    file.write_text(file.read_text().replace(f"{months}6", f"{months}8"))
    return old, new


@pytest.fixture
def files(folders: tuple[Path, Path]) -> list[Path]:
    """The two versions."""
    return [folder / "small-loan" / "v1.yaml" for folder in folders]


@pytest.fixture
def case_file(tmp_path: Path) -> Path:
    """A file with one decision."""
    file = tmp_path / "cases.jsonl"
    file.write_bytes(line(product="small-loan") + b"\n")
    return file


def test_a_proved_claim_ends_with_0(files: list[Path], capsys: Capture) -> None:
    done = command(capsys, "rules", "prove", *files, "--from", "2026-11-27")
    assert done.code == 0
    assert done.out.startswith("PROVED: small-loan v1 gives no applicant a better outcome")
    assert "for every applicant from 2026-11-27 on" in done.out


def test_a_counterexample_ends_with_1_and_is_a_rule_test(files, capsys):
    words = ("rules", "prove", *files, "--claim", "loosens", "--from", "2026-11-27")
    done = command(capsys, *words)
    assert done.code == 1
    assert "COUNTEREXAMPLE" in done.out
    assert "- name: found by a proof" in done.out
    told = json.loads(command(capsys, *words, "--format", "json").out)
    assert told["result"] == "COUNTEREXAMPLE"
    assert [each["of"] for each in told["verdicts"]] == ["v1 before", "v1 after"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--claim", "only"), "--claim only needs a condition"),
        (("income.months_12m < 6",), "the condition income.months_12m < 6 is for"),
        (("income.monhs_12m < 6", "--claim", "only"), "did you mean"),
        (("--timeout", "0"), "not a number of seconds"),
        (("--from", "tomorrow"), "write a day as 2026-12-01"),
    ],
)
def test_wrong_usage_is_told(capsys: Capture, words: tuple[str, ...], told: str) -> None:
    done = command(capsys, "rules", "prove", GIG, GIG, *words)
    assert done.code == 2
    assert told in done.err


def test_a_diff_of_versions_tells_what_is_proved(files: list[Path], capsys: Capture) -> None:
    done = command(capsys, "rules", "diff", *files, "--prove")
    assert done.code == Exit.DONE, done.err
    told = done.out.splitlines()[-6:]
    assert told[:2] == [TIGHTER, "PROVED: no decline and no referral becomes an approval"]
    assert told[2].startswith(NOT_LOOSER)
    assert told[2].endswith("v1 after: DECLINE")
    assert "income.months_24m" in told[2]
    assert told[4] == "PROVED: the price of a loan stays the same"
    assert told[5].startswith(OTHER)


def test_a_diff_of_states_names_the_version(folders: tuple[Path, Path], capsys: Capture) -> None:
    done = command(capsys, "rules", "diff", *folders, "--prove", "--format", "json")
    assert json.loads(done.out)["proofs"][0] == f"small-loan v1 (champion): {TIGHTER}"


@pytest.mark.long
def test_a_backtest_tells_proofs_beside_its_figures(folders, case_file, capsys):
    """In the report, even where no applicant can be compared."""
    asked = ("backtest", "small-loan", "--rules", folders[0], "--cases", case_file, "--jobs", "1")
    done = command(capsys, *asked, "--set", "params.min_income_months=8", "--prove")
    assert "v1 with min_income_months 8 against the champion v1, from " in done.out
    assert "PROVED: no applicant gets a better outcome or a larger amount\n" in done.out
    assert NOT_LOOSER in done.out


@pytest.mark.long
def test_a_diff_of_states_says_what_it_does_to_people(folders, case_file, capsys):
    done = command(capsys, "rules", "diff", *folders, "--cases", case_file)
    lines = done.out.splitlines()
    place = lines.index("What small-loan v1 (champion) would have decided")
    assert "1 decisions in the window: 1 applicants" in lines[place + 2]


def test_one_version_has_no_claims(folders, case_file, capsys):
    """A sweep alone changes no version: what to add is said before an applicant is judged."""
    asked = ("backtest", "small-loan", "--rules", folders[0], "--cases", case_file, "--prove")
    done = command(capsys, *asked, "--sweep", "params.min_income_months=6..8/1")
    assert (done.code, done.out) == (Exit.USAGE, "")
    assert "change it with --with or --set" in done.err
