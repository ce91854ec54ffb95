"""What preflight says of the vendor's hosts and of rules without tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from decision_service.operate.preflight import (
    Check,
    StoreState,
    callers_check,
    found_rules,
    front_check,
    host_checks,
    retention_checks,
    rules_checks,
)
from decision_service.rulebook.folder import read_rules
from decision_service.runtime.config import load
from tests.e2e.team import Team
from tests.unit.author.test_publish import publishable
from tests.unit.cli.commands import SHIPPED, product_folder

KEYS = {"DECISION_SMILE_API_KEY": "key-of-8", "DECISION_SMILE_API_SECRET": "secret-8"}


def base_url(mode: str, host: str) -> Check:
    """What is said of a base URL at this host."""
    url = f"https://{host}/v1"
    settings = load(environ={"DECISION_SMILE_MODE": mode, "DECISION_SMILE_BASE_URL": url, **KEYS})
    return next(line for line in host_checks(settings) if line.name == "base URL")


@pytest.mark.parametrize(
    ("host", "mode"),
    [
        ("sandbox.smileapi.io", "sandbox"),
        ("open-sandbox.smileapi.io", "sandbox"),
        ("OPEN-SANDBOX.smileapi.io", "sandbox"),
        ("open.smileapi.io", "production"),
    ],
)
def test_each_host_of_the_vendor_belongs_to_one_mode(host: str, mode: str) -> None:
    assert base_url(mode, host).ok is True
    [other] = {"sandbox", "production"} - {mode}
    found = base_url(other, host)
    words = f"{host.lower()} is of another mode than {other}: unset DECISION_SMILE_BASE_URL"
    assert (found.ok, found.words) == (False, words)


def test_a_host_that_is_not_the_vendors_belongs_to_any_mode() -> None:
    """A proxy of the operator's own tells nothing."""
    assert base_url("sandbox", "smile.lender.example").ok is True
    assert base_url("production", "smile.lender.example").ok is True


def test_callers_without_a_certificate_are_named_for_the_front(tmp_path: Path) -> None:
    """Whether their addresses are listed is not seen from here, so it is a point to check."""
    team = Team(tmp_path)
    team.hire("los", "decide", certificate="los.internal")
    settings = load(environ={"DECISION_AUTH_TOKENS_FILE": str(team.path)})
    assert front_check(settings).ok is True
    team.hire("batch", "decide")
    found = front_check(settings)
    assert found.ok is None
    assert found.words.startswith("batch without a certificate: ")


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """The shipped rules without their cases, which take seconds."""
    rules = tmp_path / "rules"
    shutil.copytree(SHIPPED, rules, ignore=shutil.ignore_patterns("tests"))
    return rules


def said(rules: Path, name: str, state: StoreState | None = None) -> list[Check]:
    """The lines of this name of what is said of a rules folder."""
    settings = load(environ={"DECISION_RULES_DIR": str(rules)})
    checks = rules_checks(settings, state or StoreState(), found_rules(settings))
    return [line for line in checks if line.name == name]


def test_rules_load_and_are_tested_elsewhere(tmp_path: Path) -> None:
    """A failing test is found by `rules publish` and by a service that reads the folder."""
    product = product_folder(tmp_path)
    (product / "tests" / "v1.yaml").unlink()
    [found] = said(product.parent, "rules")
    assert (found.ok, found.words) == (True, "1 products load")


BACK = "`decision-service rollout roll-back gig-advance-ph --why WHY` until it is at staff"


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ({}, "begins at stage all (100 %): set `initial_stage: staff` in its rollout.yaml"),
        ({"gig-advance-ph": "pilot"}, f"is at stage pilot (2 %): run {BACK}"),
    ],
)
def test_a_rollout_beyond_its_first_stage_says_what_to_do(shipped, stages, words):
    found, *_ = said(shipped, "rollout", StoreState(stages))
    assert (found.ok, found.words) == (False, f"gig-advance-ph {words}")


def test_a_plans_risks_are_refused_or_accepted_by_name(tmp_path: Path) -> None:
    """It begins at 100 % without guardrails and caps; a reason of one's own takes one of these."""
    rules = product_folder(tmp_path).parent
    risks = ("first_stage", "no_guardrails", "no_caps")
    for line, risk in zip(said(rules, "plan"), risks, strict=True):
        assert line.ok is False
        accept = f"or accept `{risk}` of personal-loan-ph with your own reason in policy.yaml"
        assert line.words.endswith(accept)
    accepted = "{product: personal-loan-ph, what: no_caps, reason: Fifty friends.}"
    (rules / "policy.yaml").write_text(f"accept: [{accepted}]\n")
    *others, last = said(rules, "plan")
    assert [line.ok for line in (*others, last)] == [False, False, True]
    assert last.words.endswith("nothing bounds what a day approves; accepted: Fifty friends.")


def test_a_reason_of_the_sample_accepts_no_risk(shipped: Path) -> None:
    """What `init` brings along is refused; with reasons of its own a plan begins at 100 %."""
    assert {line.ok for line in said(shipped, "plan")} == {False}
    policy = shipped / "policy.yaml"
    policy.write_text(policy.read_text().replace("The demo", "Ours"))
    assert {line.ok for one in ("plan", "rollout") for line in said(shipped, one)} == {True}


def test_letters_of_a_sample_lender_are_not_sent(shipped: Path) -> None:
    """Each file that still has the sample's name or contact is named; own words are in order."""
    found = said(shipped, "letters")
    assert [line.ok for line in found] == [False] * 4
    assert found[0].words.startswith("gig-advance-ph/notices/en.yaml has the sample's `Sample Lend")
    for file in shipped.glob("*/notices/*.yaml"):
        text = file.read_text().replace("Sample Lending Inc.", "Bayan Credit Inc.")
        text = text.replace("8000 0000", "8765 4321").replace("lender.example", "bayan.ph")
        file.write_text(text)
    [line] = said(shipped, "letters")
    assert (line.ok, line.words) == (True, "4 name a lender and a contact")


def test_a_list_of_which_no_key_counts_is_named(tmp_path: Path) -> None:
    rules = product_folder(tmp_path).parent
    (rules / "_shared" / "lists").mkdir(parents=True)
    (rules / "_shared" / "lists" / "blocked.csv").write_text("key\n")
    [line] = said(rules, "lists")
    words = "nothing is on the list `blocked`: it is empty"
    assert (line.ok, line.words.partition(": add")[0]) == (None, words)


def test_what_is_looser_than_what_decides_is_named(tmp_path):
    """A case that is gone is asked about when the release is confirmed."""
    product = publishable(tmp_path)
    last = read_rules(product.parent)
    [guards] = said(product.parent, "guards", StoreState(rules=last))
    assert guards.ok is True
    tests = product / "tests" / "v1.yaml"
    tests.write_text(tests.read_text().replace("- name: a steady earner", "- name: a new name"))
    [guards] = said(product.parent, "guards", StoreState(rules=last))
    assert (guards.ok, "case a steady earner" in guards.words) == (None, True)


def test_a_service_that_asks_no_second_person_is_named(shipped: Path) -> None:
    [found] = said(shipped, "approval")
    assert (found.ok, "DECISION_REQUIRE_APPROVAL=true" in found.words) == (False, True)


def test_each_product_says_how_long_it_is_kept(tmp_path: Path) -> None:
    """Without a loan, and with one; what is lent is kept no shorter than what is not."""
    settings = load(
        environ={"DECISION_RETENTION": "25 months", "DECISION_LOAN_RETENTION": "12 months"}
    )
    rules = found_rules(settings)
    assert not isinstance(rules, str)
    assert rules.loading.rulebook is not None
    words = [one.words for one in retention_checks(settings, rules.loading.rulebook)]
    kept = (
        "decisions are kept 25 months, with a reported loan until it is closed and 25 months more"
    )
    assert words == [f"gig-advance-ph: {kept}", f"personal-loan-ph: {kept}"]


NO_REVIEW = "and may end no review of what they sent"


@pytest.mark.parametrize(
    ("callers", "ok", "words"),
    [
        ({"los": "decide", "ana": "review, read"}, True, "none sends applications and ends"),
        (
            {"los": "decide, review", "ana": "review"},
            None,
            f"los has `decide` and `review`, {NO_REVIEW}: give each person a caller of their own",
        ),
        (
            {"los": "decide, review_second", "ana": "decide, review"},
            None,
            f"ana, los have `decide` and `review`, {NO_REVIEW}: give",
        ),
        ({"los": "decide, review"}, None, f"{NO_REVIEW}; no other caller may end one: give"),
        ({"los": ""}, False, "see `tokens check"),
        (None, None, "who sends an application may end its review: set DECISION_AUTH_TOKENS_FILE"),
    ],
    ids=["apart", "both", "two with both", "one alone", "mistakes", "no file"],
)
def test_callers_who_send_and_review_are_named(tmp_path, callers, ok, words):
    """A warning where one caller has both roles, or where nothing says who calls."""
    environ = {}
    if callers is not None:
        file = tmp_path / "callers.yaml"
        lines = [
            f"  {name}: {{roles: [{roles}], certificates: [{name}.internal]}}\n"
            for name, roles in callers.items()
        ]
        file.write_text("callers:\n" + "".join(lines))
        environ["DECISION_AUTH_TOKENS_FILE"] = str(file)
    found = callers_check(load(environ=environ))
    assert (found.name, found.ok) == ("callers", ok)
    assert words in found.words
