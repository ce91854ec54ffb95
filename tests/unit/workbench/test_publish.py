"""rules publish, keys, sign and verify: what one person or two publish, and what they see."""

from __future__ import annotations

import json
import shutil
import stat
from hashlib import sha256

import pytest
from msgspec.structs import replace

from decision_service.build import starter_rules
from decision_service.rulebook.folder import read_rules
from decision_service.rulebook.load import load_rules
from decision_service.rulebook.manifest import digest, publication
from decision_service.rules.language.diagnostics import Report
from decision_service.rules.language.yaml import read
from decision_service.workbench.backtest.render import encoded
from tests.unit.cli.commands import SHIPPED, command, product_folder
from tests.unit.rulebook.test_manifest import NOW
from tests.unit.workbench.reports import report

RECORDED = "  - name: a recorded person"
FLOORS = (("coverage", 20), ("figures", 0))


def publishable(tmp_path):
    """The worked example's product, with the tests that need no recording, and a low floor."""
    folder = product_folder(tmp_path)
    tests = folder / "tests" / "v1.yaml"
    tests.write_text(tests.read_text().partition(RECORDED)[0])
    (folder.parent / "policy.yaml").write_text("floors: {coverage: 20, figures: 0}\n")
    return folder


@pytest.fixture
def product(tmp_path):
    """A product that can be published."""
    return publishable(tmp_path)


@pytest.fixture
def publish(capsys, tmp_path):
    """Publish the folder by J. Cruz."""

    def run(*words):
        words = words or (tmp_path / "rules",)
        return command(capsys, "rules", "publish", *words, "--by", "J. Cruz")

    return run


def test_a_good_folder_is_published_with_who_and_every_file(publish, product):
    """The manifest says who and when, and has the digest of each file; then the folder loads."""
    done = publish()
    low = [f"policy.yaml asks for {n} % of {name} alone, not for 100 %" for name, n in FLOORS]
    assert (done.code, done.err, done.out.splitlines()[:2]) == (0, "", low)
    manifest = product.parent / "manifest.yaml"
    node = read("m", manifest.read_text(), Report())
    assert node.get("by").text == "J. Cruz"
    files = {entry.key: entry.value.text for entry in node.get("files").entries}
    own = {
        f"personal-loan-ph/{name}": digest((product / name).read_text())
        for name in ("v1.yaml", "rollout.yaml", "tests/v1.yaml")
    }
    own["policy.yaml"] = digest((product.parent / "policy.yaml").read_text())
    package = (starter_rules() / "_data").glob("*.yaml")
    assert files == own | {f"_data/{one.name}": digest(one.read_text()) for one in package}
    assert load_rules(read_rules(product.parent), NOW).rulebook is not None


def test_the_whole_folder_is_published_from_any_part_of_it(publish, product):
    assert publish(product).code == 0
    assert (product.parent / "manifest.yaml").exists()


def test_after_an_edit_authors_go_on_and_a_service_does_not(publish, product, capsys):
    """`check` warns of what is not published and `test` runs; loading refuses the folder."""
    publish()
    file = product / "v1.yaml"
    file.write_text(file.read_text().replace("points: 40", "points: 45"))
    checked = command(capsys, "rules", "check", product.parent)
    tested = command(capsys, "rules", "test", product.parent)
    assert (checked.code, tested.code) == (0, 0)
    assert "warning M002: `personal-loan-ph/v1.yaml`" in checked.out
    assert load_rules(read_rules(product.parent), NOW).rulebook is None


@pytest.mark.parametrize(
    ("name", "old", "new", "part"),
    [
        ("v1.yaml", "points: 40", "points: forty", "error R122"),
        ("rollout.yaml", "champion: 1", "champion: 7", "error"),
        ("tests/v1.yaml", "outcome: APPROVE", "outcome: DECLINE", "fails: outcome is APPROVE"),
        ("tests/v1.yaml", "", None, "error T003: personal-loan-ph v1 is the plan's champion"),
    ],
)
def test_a_folder_with_a_mistake_is_not_published(publish, product, name, old, new, part):
    file = product / name
    assert old in file.read_text()
    if new is None:
        file.unlink()
    else:
        file.write_text(file.read_text().replace(old, new, 1))
    done = publish()
    assert (done.code, done.out) == (1, "")
    assert part in done.err
    assert not (product.parent / "manifest.yaml").exists()


def test_a_failed_publication_leaves_the_last_one(publish, product):
    publish()
    manifest = product.parent / "manifest.yaml"
    before = manifest.read_bytes()
    (product / "v1.yaml").write_text("ruleset: 1\n")
    assert publish().code == 1
    assert manifest.read_bytes() == before
    left = {"_law", "_published", "manifest.yaml", "policy.yaml", product.name}
    assert {p.name for p in product.parent.iterdir()} == left


@pytest.mark.parametrize("by", ["", "  ", "a\nb", "x" * 201])
def test_who_publishes_must_be_a_name(capsys, product, by):
    done = command(capsys, "rules", "publish", product.parent, "--by", by)
    assert (done.code, len(done.err.splitlines())) == (2, 1)


def test_leave_to_go_back_is_written_into_the_manifest(publish, product, capsys):
    """The publication that was printed is taken; anything else is usage."""
    printed = publish().out.split()[-1]
    root = product.parent
    words = ("rules", "publish", root, "--by", "J. Cruz", "--allow-rollback")
    assert command(capsys, *words, printed).code == 0
    said = publication("m", (root / "manifest.yaml").read_text())
    assert (said.allow_rollback, said.digest[:16]) == (printed, printed.partition("@")[0])
    for wrong in (printed[:16], printed[5:], "no digest at all", printed.upper() + "Z"):
        done = command(capsys, *words, wrong)
        assert (done.code, len(done.err.splitlines())) == (2, 1)


def test_a_version_without_a_price_is_published_only_where_it_has_decided(publish, product):
    """R530 refuses; accepted by its file it is on record, and from then on only warned of."""
    law = (SHIPPED / "_law" / "ph-prices.yaml").read_text()
    (product.parent / "_law" / "ph-prices.yaml").write_text(law.replace("10000", "100000"))
    done = publish()
    assert done.code == 1
    assert "R530" in done.err
    path = f"{product.name}/v1.yaml"
    assert publish(product.parent, "--accept", path).code == 0
    manifest = (product.parent / "manifest.yaml").read_text()
    assert f'accepted: ["{path}"]' in manifest
    assert publish().code == 0


@pytest.fixture
def rules(tmp_path):
    """A rules folder that can be published."""
    return publishable(tmp_path).parent


@pytest.fixture
def callers(tmp_path, capsys):
    """A callers file of two persons with the keys that `keys new` made."""
    roles = {"juan": "rules", "maria": "rules_approve"}
    lines = []
    for name, role in roles.items():
        made = command(capsys, "rules", "keys", "new", tmp_path / f"{name}.key")
        assert made.code == 0
        lines.append(f"  {name}: {{roles: [{role}], {made.out.strip()}}}\n")
    file = tmp_path / "callers.yaml"
    file.write_text(f"callers:\n{''.join(lines)}")
    return file


@pytest.fixture
def sign(capsys, rules, callers):
    """Sign the folder by a person."""

    def by(name, *more):
        key = callers.parent / f"{name}.key"
        return command(
            capsys, "rules", "sign", rules, "--by", name, "--key", key, "--no-prove", *more
        )

    return by


@pytest.fixture
def verify(capsys, rules, callers):
    return lambda *more: command(capsys, "rules", "verify", rules, "--callers", callers, *more)


def digest_in(done):
    """The digest that another caller is to sign by."""
    return done.out.rpartition("--digest ")[2].strip()


@pytest.fixture
def version(rules):
    """The digest of the folder's version."""
    return load_rules(read_rules(rules), NOW).rulebook.products["personal-loan-ph"].champion.digest


@pytest.fixture
def impact(version, tmp_path):
    """An impact report of the folder's version."""
    return impact_of(tmp_path / "my-impact.json", version)


def impact_of(file, digest):
    """An impact report of the version with a digest."""
    some = report()
    file.write_bytes(encoded(replace(some, subject=replace(some.subject, other_digest=digest))))
    return file


@pytest.fixture
def proofs(version, tmp_path):
    """A proof about the folder's version."""
    file = tmp_path / "my-proofs.json"
    proof = {"claim": "v1 approves nobody more", "result": "PROVED", "digests": {"new": version}}
    file.write_text(json.dumps(proof))
    return file


def test_two_persons_sign_what_both_are_shown(sign, verify, rules, impact, proofs):
    """One signs with ticket, evidence and leave to go back; another sees it, then signs it."""
    name = "3f9a11c04d2e57b0@2026-11-25T10:00:00Z"
    evidence = ("--impact", impact, "--proofs", proofs)
    first = sign("juan", "--ticket", "RISK-7", "--allow-rollback", name, *evidence)
    assert (first.code, first.err) == (0, "")
    digest = digest_in(first)
    assert verify().code == 1
    seen = sign("maria")
    assert (seen.code, f"sign by --digest {digest}" in seen.err) == (1, True)
    shown = seen.out.splitlines()
    assert first.out.splitlines()[: len(shown)] == shown
    assert "by juan, ticket RISK-7" in shown[0]
    assert f"It goes back from the publication {name}." in shown
    assert "Nothing was published here before, so that nothing is compared." in shown
    assert "Tests of personal-loan-ph v1: coverage 38 %, figures 0 %" in shown
    assert "Guarantees: none was proved" in shown
    assert any(line.startswith("Impact: Approvals go from ") for line in shown)
    assert "Proofs: PROVED: v1 approves nobody more" in shown
    second = sign("maria", "--digest", digest)
    assert (second.code, second.out.splitlines()[: len(shown)]) == (0, shown)
    assert "is signed by juan, and as maria by " in second.out
    verified = verify("--format", "json")
    assert verified.code == 0, verified.err
    told = json.loads(verified.out)
    assert (told["proposed_by"], told["approved_by"], told["ticket"]) == ("juan", "maria", "RISK-7")
    assert (told["allow_rollback"], told["problems"]) == (name, [])
    assert told["tested"] == {"personal-loan-ph v1": {"coverage": 38, "figures": 0}}
    digests = {one: sha256((rules / f"{one}.json").read_bytes()) for one in ("impact", "proofs")}
    assert told["evidence"] == {name: one.hexdigest() for name, one in digests.items()}


def test_evidence_that_is_not_what_was_signed_is_refused(sign, verify, rules, impact):
    """Another file, and none, are found by the second signer, by `verify` and so by a service."""
    first = sign("juan", "--impact", impact)
    file = rules / "impact.json"
    signed = file.read_bytes()
    file.write_bytes(signed + b"\n")
    for _ in range(2):
        refused = sign("maria", "--digest", digest_in(first))
        assert (refused.code, "M013" in refused.err) == (1, True)
        file.unlink(missing_ok=True)
    file.write_bytes(signed)
    assert sign("maria", "--digest", digest_in(first)).code == 0
    assert verify().code == 0
    file.unlink()
    found = verify()
    assert (found.code, "which is not there" in found.err) == (1, True)


@pytest.mark.parametrize("name", ["impact", "proofs"])
def test_evidence_of_other_rules_or_with_other_figures_is_refused(sign, impact, proofs, name):
    """A report of other files, one whose own digest is wrong, any other file, and none."""
    file = {"impact": impact, "proofs": proofs}[name]
    text = file.read_text()
    wrong = {"{}": "is not as", "no JSON": "is not as", text[:-4] + "\xff": "is not as"}
    of = "other_digest" if name == "impact" else "new"
    other = json.loads(text)
    part = other["subject"] if name == "impact" else other["digests"]
    part[of] = "0" * 64
    wrong[json.dumps(other)] = "its own `sha256`" if name == "impact" else "which no version here"
    for content, part in wrong.items():
        file.write_text(content)
        refused = sign("juan", f"--{name}", file)
        assert (refused.code, part in refused.err) == (1, True), refused.err
    if name == "impact":
        refused = sign("juan", "--impact", impact_of(file, "0" * 64))
        assert (refused.code, "which no version here has" in refused.err) == (1, True)
    file.unlink()
    refused = sign("juan", f"--{name}", file)
    assert (refused.code, "cannot be read" in refused.err) == (2, True)


def test_what_cannot_be_signed_says_why(sign, rules):
    assert "nothing waits for a second signature" in sign("maria", "--digest", "a" * 12).err
    digest = digest_in(sign("juan"))
    for wrong in ("a" * 12, digest[:8], "no digest"):
        assert "look at it by the same command" in sign("maria", "--digest", wrong).err
    assert "juan signed first" in sign("juan", "--digest", digest).err
    assert sign("maria", "--digest", digest, "--ticket", "R").code == 2
    file = rules / "personal-loan-ph" / "tests" / "v1.yaml"
    file.write_text(file.read_text() + "# more\n")
    refused = sign("maria", "--digest", digest)
    assert (refused.code, "nothing waits" in refused.err) == (1, True)


def test_what_the_second_sees_must_be_what_the_first_saw(sign, rules):
    """With another publication to compare with, the second signature is refused."""
    assert sign("maria", "--digest", digest_in(sign("juan"))).code == 0
    digest = digest_in(sign("juan"))
    shutil.rmtree(rules / "_published")
    refused = sign("maria", "--digest", digest)
    assert (refused.code, "is not what juan was shown" in refused.err) == (1, True)


def test_one_person_does_not_move_what_two_compare_with(sign, rules, capsys):
    """A guard that one person took away, and accepted alone, is shown to the next signers."""
    assert sign("maria", "--digest", digest_in(sign("juan"))).code == 0
    file = rules / "personal-loan-ph" / "tests" / "v1.yaml"
    file.write_text(file.read_text().replace("- name: a steady earner", "- name: a new name"))
    gone = "personal-loan-ph/tests/v1.yaml"
    words = ("rules", "publish", rules, "--by", "juan", "--no-prove", "--accept", gone)
    assert command(capsys, *words).code == 0
    refused = sign("juan")
    assert (refused.code, "(loosens)" in refused.err) == (1, True)
    first = sign("juan", "--accept", gone)
    assert f"Accepted: {gone}" in first.out
    assert "tests/v1.yaml: case a steady earner is approved is gone" in first.out
    assert "by juan, signed by two:" in first.out
    assert sign("maria", "--digest", digest_in(first)).code == 0


def test_figures_below_the_floor_do_not_count(sign, verify, rules):
    """Figures that were written by hand are not signed, and a floor that is missed refuses."""
    assert sign("maria", "--digest", digest_in(sign("juan"))).code == 0
    manifest = rules / "manifest.yaml"
    manifest.write_text(manifest.read_text().replace('"coverage": 38', '"coverage": 37'))
    found = verify()
    assert "M011" in found.err
    policy = rules / "policy.yaml"
    policy.write_text("floors: {coverage: 90, figures: 0}\n")
    refused = sign("juan")
    assert "(tightens)" not in refused.err
    assert refused.code == 1
    assert "coverage of personal-loan-ph v1: 38 %, less than" in refused.err


def test_a_signature_by_a_key_that_is_not_the_callers_is_found(
    sign, verify, rules, callers, capsys
):
    """The first signer's is refused at once, any other by `verify`."""
    digest = digest_in(sign("juan"))
    command(capsys, "rules", "keys", "new", callers.parent / "other.key")
    words = ("rules", "sign", rules, "--by", "maria", "--digest", digest)
    refused = command(capsys, *words, "--key", callers.parent / "juan.key")
    assert (refused.code, "is the key of juan, who signed first" in refused.err) == (1, True)
    assert command(capsys, *words, "--key", callers.parent / "other.key").code == 0
    found = verify()
    assert (found.code, "M011" in found.err) == (1, True)


def test_a_private_key_is_its_owners_alone(tmp_path, capsys, sign, callers):
    """A key file is not overwritten, not readable by others, and its line is told again."""
    key = tmp_path / "juan.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert command(capsys, "rules", "keys", "new", key).code == 2
    line = command(capsys, "rules", "keys", "line", key)
    assert line.out.strip() in callers.read_text()
    (tmp_path / "juan.key").write_text("no key")
    refused = sign("juan")
    assert refused.code == 2
    assert "no private Ed25519 key" in refused.err
    assert "no key" not in refused.err.replace("no private", "")
