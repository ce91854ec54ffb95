"""What loading a folder says of its plans, its policy, its laws and its safeguards."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from decision_service.build import starter_rules
from decision_service.rulebook.folder import RuleFolder, TextFile, read_policy, read_rules
from decision_service.rulebook.load import LoadResult, load_rules
from decision_service.rulebook.loosenings import RulesState, loosenings, unaccepted
from decision_service.rulebook.manifest import Publication, manifest_problems, manifest_text
from decision_service.rulebook.plans import found_risks, plan_problems, plan_warnings
from decision_service.rulebook.rulebook import Floors, PlanRisk, Policy
from decision_service.rules.language.diagnostics import Diagnostic, Severity, render_all
from tests.fakes.plans import CHALLENGED, planned, with_plan
from tests.fakes.shipped import CHAMPION
from tests.fakes.world import NOW, PRODUCT, RULES, loaded, rulebook, shipped_rules
from tests.kits.cases import cases
from tests.unit.rollout.plans import PATH, SMALL, edited, good
from tests.unit.rules.kit import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from decision_service.rules.program import CompiledRuleset


def empty(*conditions):
    """The numbers of the segments that are told to be empty, and the lines where."""
    lines = [
        f"    - {{name: s{i}, when: '{when}', percent: 5}}\n" for i, when in enumerate(conditions)
    ]
    text = SMALL.replace("  salt: a\n", f"  salt: a\n  segments:\n{''.join(lines)}")
    found = plan_problems(TextFile(PATH, text), None, good(text), ())
    first = text.splitlines().index("  segments:") + 2
    assert {(d.code, str(d.severity)) for d in found} <= {("P213", "warning")}
    return [d.line - first for d in found]


@pytest.mark.parametrize("conditions", cases("pipeline/segments")["empty"])
def test_a_segment_that_nobody_is_in_is_told_at_its_line(conditions):
    """It contradicts itself, or an earlier one takes everybody who meets it."""
    assert empty(*conditions) == [len(conditions) - 1]


@pytest.mark.parametrize("conditions", cases("pipeline/segments")["open"])
def test_a_segment_that_somebody_could_be_in_is_not_told(conditions):
    """Who does not send what an earlier condition asks for does not meet it."""
    assert empty(*conditions) == []


ALONE = CHALLENGED[: CHALLENGED.index("challenger:")]

CAPS = "caps:\n  - {name: a, tier: T4, amount_per_day: 1000}\n"

UNKNOWN = CAPS.replace("T4", "T44")

BARE = f"""\
ruleset: personal-loan-ph
version: {CHAMPION}
title: Bare
currency: PHP
time_zone: Asia/Manila
max_age: 35d
inputs: {{}}
reasons: {{}}
stages:
  - name: all
    component: POLICY
    rules: [{{id: connected, when: accounts.connected_count > 0, then: APPROVE}}]
"""


def found(bounds: str, *deciding: CompiledRuleset) -> Sequence[Diagnostic]:
    """What the checks say of a plan with these bounds, under the shipped loan or other versions."""
    text = ALONE + bounds
    versions = deciding or (rulebook().product(PRODUCT).champion,)
    return plan_problems(TextFile(PATH, text), None, good(text), versions)


@pytest.mark.parametrize(
    ("bounds", "code", "severity", "said", "hint"),
    [
        (UNKNOWN, "P310", "error", f"v{CHAMPION} has the tier `T44`", "did you mean `T4`?"),
        (CAPS.replace("1000", "999"), "P312", "warning", "is 999, below the smallest loan", "so"),
    ],
)
def test_a_bound_that_cannot_work_is_told_at_its_line(
    bounds: str, code: str, severity: str, said: str, hint: str
) -> None:
    """A tier that no offer has, and an amount below the smallest loan."""
    (one,) = found(bounds)
    assert (one.code, str(one.severity)) == (code, severity)
    assert said in one.message
    assert one.hint.startswith(hint)
    assert found(CAPS) == ()


def test_an_unknown_tier_refuses_the_plan() -> None:
    """A cap that counts nothing would be a gate that guards nothing."""
    loading = load_rules(planned(read_rules(RULES), ALONE + UNKNOWN), NOW)
    assert (loading.rulebook, [one.code for one in loading.errors]) == (None, ["P310"])


def champion(text: str) -> CompiledRuleset:
    """The loan's only version, as this text."""
    folder = read_rules(RULES)
    loan = next(one for one in folder.products if one.product == PRODUCT)
    loan = replace(loan, rulesets={CHAMPION: TextFile(f"v{CHAMPION}.yaml", text)})
    return rulebook(RuleFolder((loan,), folder.data)).product(PRODUCT).champion


def test_a_table_for_some_applicants_counts() -> None:
    """With `segment` a stage has its tiers, and the nearest tier is named."""
    text = (RULES / PRODUCT / f"v{CHAMPION}.yaml").read_text("utf-8")
    assert "component: TABLE\n" in text
    text = text.replace("component: TABLE\n", "component: TABLE\n    segment: new\n", 1)
    text = text.replace("stages:\n", "segments: [inputs.customer_type]\n\nstages:\n", 1)
    told = found(UNKNOWN, champion(text))
    assert [(one.code, one.hint) for one in told] == [("P310", "did you mean `T4`?")]


def test_bounds_on_amounts_need_amounts() -> None:
    """A version without offer and requested amount can keep no bound in pesos."""
    told = found(CAPS.replace("tier: T4, ", ""), champion(BARE))
    assert [one.code for one in told] == ["P311"]


TAGS = "\ntags:\n  forged: {text: a payslip looks forged, told: nobody}\n"

DESK = """# desk.yaml
queues: [{{name: some, sla: 4h, when: {{tags: [{tag}]}}}}]
review: 20000
review_second: 100000
reasons: {{INCOME_CONFIRMED: {{text: It is.}}}}
"""


def with_queue_by(tag: str) -> LoadResult:
    """The shipped loan with a tag `forged`, with a queue by a tag."""
    folder = planned(read_rules(RULES), ALONE + DESK.format(tag=tag))
    products = tuple(
        replace(one, rulesets={n: _tagged(file) for n, file in one.rulesets.items()})
        if one.product == PRODUCT
        else one
        for one in folder.products
    )
    return load_rules(replace(folder, products=products), NOW)


def _tagged(file: TextFile) -> TextFile:
    return replace(file, text=file.text + TAGS)


def test_a_queue_by_an_unknown_tag_is_told_at_its_line() -> None:
    """It would stay empty for ever, while its people wait in another queue."""
    told = with_queue_by("forget")
    (found,) = (one for one in told.diagnostics if one.code == "P316")
    assert "[forget]" in found.quoted
    assert found.hint == "did you mean `forged`?"
    assert told.rulebook is None


def test_a_queue_by_a_known_tag_is_taken() -> None:
    """A tag that the deciding version declares."""
    assert with_queue_by("forged").rulebook is not None


GOOD = edited(
    "# desk.yaml\n".join(
        (ROOT / "rules" / PRODUCT / name).read_text("utf-8")
        for name in ("rollout.yaml", "desk.yaml")
    ),
    ("initial_stage: all", "initial_stage: staff"),
    ("# desk.yaml\n", "caps: [{name: day, approvals_per_day: 50}]\n# desk.yaml\n"),
)

GUARDRAILS = GOOD[GOOD.index("guardrails:") : GOOD.index("caps:")]

CHALLENGER = """\
champion: 1
challenger:
  version: 2
  salt: v2
  stages: [{name: all, percent: 100}]
  initial_stage: all
"""


def _segment(above: int, percent: int) -> tuple[str, str]:
    when = f"inputs.requested_amount > {above}"
    return "segments: []", f"segments: [{{name: s, when: {when}, percent: {percent}}}]"


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (("", ""), None),
        (
            _segment(0, 100),
            ("P215", "percent: 100", "`s` takes all applicants"),
        ),
        (
            _segment(0, 5),
            None,
        ),
        (
            _segment(9000, 100),
            None,
        ),
        (
            (f"champion: {CHAMPION}\n", CHALLENGER),
            ("P214", "initial_stage: all", "begins at 100 %"),
        ),
        (("initial_stage: staff", "initial_stage: half"), ("P214", "initial_stage: half", "50 %")),
        ((GUARDRAILS, ""), ("P417", "unit:", "no guardrail")),
        (("max: 0.40", "max: 0.99"), ("P418", "max: 0.99", "`referrals` hardly ever trips")),
        (("caps: [{name: day, approvals_per_day: 50}]\n", ""), ("P318", "unit:", "a day")),
        (("review: 20000", "review: 90000"), None),
        (
            ("review: 20000\nreview_second: 100000", "review: 2000000\nreview_second: 9000000"),
            ("P328", "review: 2000000", "one person may grant 2000000"),
        ),
    ],
)
def test_each_dangerous_edit_of_a_plan_is_warned_of_at_its_line(edit, found) -> None:
    """One warning by name at the key that does it, and none for a careful plan."""
    folder = replace(with_plan(edited(GOOD, edit)), policy=None)
    [*warnings] = [d for d in plan_warnings(folder, rulebook(folder)) if PRODUCT in d.file]
    assert len(warnings) == (found is not None), render_all(warnings)
    for one in warnings:
        code, line, words = found
        assert (one.code, line in one.quoted, words in one.message) == (code, True, True), one


def test_the_policy_accepts_a_risk_of_a_product_by_its_name() -> None:
    """The shipped plans begin at 100 % without caps; the shipped policy says why, and no more."""
    book = rulebook()
    assert book.policy.floors == Floors(100, 100)
    assert list(plan_warnings(shipped_rules(), book)) == []
    for product in book.products.values():
        bare = {one.named for one in found_risks(product, replace(book.policy, accept=()))}
        assert bare == {PlanRisk.FIRST_STAGE, PlanRisk.NO_CAPS}


POLICY_PATH = "rules/policy.yaml"


def test_without_a_file_everything_is_asked_for():
    """A folder that lacks the file is held to all, and accepts nothing."""
    folder = replace(read_rules(ROOT / "rules"), policy=None)
    assert load_rules(folder, NOW).rulebook.policy == Policy()


def test_a_lower_floor_is_said():
    """Each floor below 100 has a sentence."""
    policy, faults = read_policy(POLICY_PATH, "floors: {figures: 80}\n", ())
    assert faults == ()
    assert policy.floors == Floors(100, 80)
    assert policy.remarks == ("policy.yaml asks for 80 % of figures alone, not for 100 %",)


BROKEN = {
    "floors: {coverage: 101}": "R123 1:20",
    "floors: {coverag: 90}": "R120 1:10",
    "flors: {}": "R120 1:1",
    "floors: 90": "R122 1:9",
    "accept: [{product: a, what: no_caps}]": "R121 1:10",
    "accept: [{product: a, what: no_cap, reason: x}]": "R123 1:29",
    "accept: [{product: b, what: no_caps, reason: x}]": "M014 1:20",
    "accept: [{product: a, what: no_caps, reason: ''}]": "R122 1:47",
    "accept:\n  - &x {product: a, what: no_caps, reason: x}\n  - *x": "R106 2:5",
    "accept:\n"
    "  - {product: a, what: no_caps, reason: x}\n"
    "  - {product: a, what: no_caps, reason: y}\n": "M015 3:24",
}


@pytest.mark.parametrize(("text", "found"), BROKEN.items())
def test_a_broken_policy_is_an_error_at_its_place(text, found):
    """Whatever is wrong with the policy has a place in it."""
    first = read_policy(POLICY_PATH, text, ("a",))[1][0]
    assert f"{first.code} {first.line}:{first.column}" == found


def test_a_broken_policy_refuses_the_folder():
    """Rules whose policy cannot be read do not load."""
    broken = TextFile(POLICY_PATH, "floors: {coverage: 101}\n")
    assert load_rules(replace(read_rules(ROOT / "rules"), policy=broken), NOW).rulebook is None


VERSION = "personal-loan-ph/v1.yaml"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    shutil.copytree(starter_rules(), folder)
    return folder


def read_and_loaded(folder: Path) -> tuple[RuleFolder, LoadResult]:
    read = read_rules(folder)
    return read, load_rules(read, NOW)


def without_price(folder: Path) -> None:
    """The loan as an earlier release had it: no block, and no guarantee of a law."""
    text = (folder / VERSION).read_text()
    start, end = text.index("  price:\n"), text.index("\nconditions:\n")
    lines = (text[:start] + text[end:]).splitlines(keepends=True)
    kept = [line for line in lines if "law: ph-prices" not in line]
    (folder / VERSION).write_text("".join(kept))


@pytest.mark.parametrize(
    ("old", "new"), [("0.06", "0.01"), ("principal: 10000", "principal: 1"), ("title:", "{")]
)
def test_a_law_that_changes_is_no_change_of_rules(rules: Path, old: str, new: str) -> None:
    """No digest, no published folder and no loading depends on it, be it readable or not."""
    before, first = read_and_loaded(rules)
    assert first.rulebook is not None
    manifest = manifest_text(Publication("J. Cruz", "2026-11-29T04:00:00Z"), before.contents)
    law = rules / "_law" / "ph-prices.yaml"
    law.write_text(law.read_text().replace(old, new))
    after, second = read_and_loaded(rules)
    assert second.rulebook is not None
    assert second.rulebook.digests.keys() == first.rulebook.digests.keys()
    assert manifest_problems("rules/manifest.yaml", manifest, after.contents) == ()
    assert bool(second.law_problems()) is (new == "{")


def test_a_folder_of_before_loads_and_is_reported(rules: Path) -> None:
    """Without `_law` the package's own law counts; what has decided is a warning, else an error."""
    shutil.rmtree(rules / "_law")
    without_price(rules)
    _, loading = read_and_loaded(rules)
    assert loading.rulebook is not None
    assert loading.errors == ()
    [found] = loading.law_problems()
    assert (found.code, found.severity) == ("R530", Severity.WARNING)
    [asked] = loading.law_problems(())
    assert (asked.code, asked.severity) == ("R530", Severity.ERROR)
    assert asked.file.endswith(VERSION)
    assert "ph-prices of the package, not checked by counsel" in loading.laws.remarks()


def test_a_law_that_cannot_be_opened_is_reported_alone(rules: Path) -> None:
    """A file that is no UTF-8 stops no loading, and leaves no other law in its place."""
    (rules / "_law" / "ph-prices.yaml").write_bytes(b"\xff")
    _, loading = read_and_loaded(rules)
    assert loading.rulebook is not None
    codes = {one.code for one in loading.law_problems()}
    assert codes == {"R002", "R532"}


LOAN = "personal-loan-ph"

ONE_PRODUCT = shutil.ignore_patterns("gig-advance-ph")


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """A folder of one shipped product, as it is and loaded."""
    return state_of(edited_folder(tmp_path_factory.mktemp("shipped"), {}))


def state_of(folder):
    """A folder with its rulebook."""
    return RulesState(folder, loaded(folder).rulebook)


def edited_folder(tmp_path, edits):
    """The folder with texts replaced, by file."""
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules, ignore=ONE_PRODUCT)
    for name, edit in edits.items():
        file = rules / name
        text = file.read_text() if file.exists() else ""
        old, new = edit.get("old"), edit.get("new", "")
        if "from" in edit:  # up to the next place of a word
            begin = text.index(edit["from"])
            old = text[begin : text.index(edit["to"], begin + len(edit["from"]))]
        assert old in text, name
        file.write_text(text.replace(old, new, 1) if old else new)
    return read_rules(rules)


CASES = cases("safeguards")


@pytest.mark.parametrize("case", CASES["less"], ids=lambda case: case["name"])
def test_a_guard_that_is_less_is_to_be_accepted_by_name(shipped, tmp_path, case):
    """The sentence has the file, the part and the direction; its name or its file accepts it."""
    edits, sentence = case["edits"], case["told"]
    after = edited_folder(tmp_path, edits)
    found = [*loosenings(shipped, state_of(after))]
    assert unaccepted(found, ()) == [sentence]
    file = next(iter(edits))
    assert unaccepted(found, (f"{found[0].group}: {found[0].subject}",)) == []
    assert unaccepted(found, (file,)) == []
    assert unaccepted(found, ("personal-loan-ph", sentence)) == [sentence]


@pytest.mark.parametrize("case", CASES["named"], ids=lambda case: case["name"])
def test_what_is_more_or_no_guard_needs_no_acceptance(shipped, tmp_path, case):
    """Added tests and tighter bounds are named and block nothing."""
    after = edited_folder(tmp_path, case["edits"])
    again = RulesState(after, loaded(after).rulebook or shipped.rulebook)
    assert unaccepted(loosenings(shipped, again), ()) == []


def test_a_file_that_is_gone_is_one_change(shipped, tmp_path):
    """All its parts are accepted together."""
    edited_folder(tmp_path, {})
    shutil.rmtree(tmp_path / "rules" / LOAN / "tests")
    (tmp_path / "rules" / LOAN / "v2.yaml").unlink()
    found = loosenings(shipped, state_of(read_rules(tmp_path / "rules")))
    assert [(one.group, one.subject) for one in found] == [
        (f"{LOAN}/tests/v{number}.yaml", "the file") for number in (1, 3)
    ]


@pytest.mark.parametrize("champion", [4, 1])
def test_a_version_that_replaces_another_is_compared_with_it(shipped, tmp_path, champion):
    """Whether it is a new one or an older: what the one that decides promised is asked about."""
    rules = tmp_path / "rules" / LOAN
    edited_folder(tmp_path, {})
    version = (rules / "v3.yaml").read_text().replace("version: 3", f"version: {champion}", 1)
    (rules / f"v{champion}.yaml").write_text(version.partition("guarantees:")[0])
    tests = (rules / "tests" / "v3.yaml").read_text()
    (rules / "tests" / f"v{champion}.yaml").write_text(
        tests.replace("version: 3", f"version: {champion}", 1)
    )
    plan = (rules / "rollout.yaml").read_text()
    (rules / "rollout.yaml").write_text(plan.replace("champion: 3", f"champion: {champion}"))
    found = [*loosenings(shipped, state_of(read_rules(tmp_path / "rules")))]
    promised = [one.name for one in shipped.rulebook.products[LOAN].champion.guarantees]
    path = f"{LOAN}/v{champion}.yaml"
    asked = [one.subject for one in found if one.group == path]
    assert asked == [*(f"guarantee {name}" for name in promised), "the law"]
    assert {one.group for one in found} == {path}


def test_a_renamed_product_is_compared_with_the_one_that_is_gone(shipped, tmp_path):
    """The product that is gone is asked about, and so is each guard that is less."""
    edited_folder(tmp_path, {})
    root = tmp_path / "rules"
    (root / LOAN).rename(root / "salary-loan-ph")
    for file in (root / "salary-loan-ph").rglob("*.yaml"):
        text = file.read_text().replace(LOAN, "salary-loan-ph")
        file.write_text(text.replace("max_age: 35d", "max_age: 70d"))
    found = [*loosenings(shipped, state_of(read_rules(root)))]
    assert [(one.group, one.subject, one.words) for one in found[:2]] == [
        (LOAN, "the product", "is gone, and salary-loan-ph comes"),
        ("salary-loan-ph/v1.yaml", "max_age", "from 35d to 70d"),
    ]


def test_a_list_with_fewer_keys_is_to_be_accepted(shipped, tmp_path):
    """More keys are no less; fewer, an emptied list and one that is gone are named."""
    name = f"{LOAN}/lists/blocked.csv"
    full, less = (edited_folder(tmp_path / at, {}) for at in "ab")
    for at, text in (("a", "key\nx\ny\n"), ("b", "key\nx\n")):
        file = tmp_path / at / "rules" / name
        file.parent.mkdir()
        file.write_text(text)
    full, less = (read_rules(tmp_path / at / "rules") for at in "ab")
    empty, full, less = (RulesState(one, shipped.rulebook) for one in (shipped.folder, full, less))
    asked = [(empty, full), (less, full), (full, less), (full, empty)]
    found = [unaccepted(loosenings(before, after), ()) for before, after in asked]
    assert found == [
        [],
        [],
        [f"{name}: the list has 0 keys more and 1 fewer (changes)"],
        [f"{name}: the list is gone; it had 2 keys (changes)"],
    ]
