"""A report of impact as people read it: the same figures in every form, nothing that runs."""

from __future__ import annotations

import hashlib
import json
import re
from functools import partial
from html.parser import HTMLParser

import msgspec
import pytest
from msgspec.structs import replace

from decision_service.author.backtest.command import conditions, require_fit
from decision_service.author.backtest.render import ReportFormat, decoded, fitted, rendered
from decision_service.author.backtest.report import ImpactReport, report_of
from decision_service.author.backtest.sums import BacktestApplicant, BacktestSums
from decision_service.author.proofs.claims import ClaimProof, ProofAnswer, Proofs
from decision_service.cli.output import CommandError
from tests.unit.author.reports import APPROVED, report

VOID = {"meta", "rect"}
html = partial(rendered, form=ReportFormat.HTML)


class Tags(HTMLParser):
    """Checks that tags close in order, and keeps their names and the text between them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag open."""
        self.seen.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See a tag that closes itself."""
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost tag, which it must be."""
        assert self.open.pop() == tag
        self.text += {"td": " | ", "th": " | ", "h2": "\n"}.get(tag, "")

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text += data


def parsed(page: str) -> Tags:
    """A page whose tags are in order."""
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    return tags


def text_of(one: ImpactReport) -> str:
    """The text of the page, with ` | ` after each cell of a table."""
    return parsed(re.sub(r"<svg .*?</svg>", "", html(one), flags=re.DOTALL)).text


def test_the_headline_says_who_and_how_much() -> None:
    """Rates with their interval, the swap set with its money, and the first cause."""
    text = text_of(report())
    rates = "95.0 % (88.8 to 97.8) to 85.0 % (76.7 to 90.7)"
    assert f"Approvals go from {rates}: -10.0 points (-" in text
    assert "Swap-in: 5 newly approved, PHP 100,000. Swap-out: 15 no longer approved" in text
    assert "Most are moved by eligibility.low_income: 40 applicants." in text
    assert "1 data erased, 1 input not sent" in text
    assert "APPROVE | unknown | 1 |" in text
    assert "kept in: 0.0 % (0.0 to 4.6) bad of 80 known loans" in text


def test_broken_lines_come_first() -> None:
    """What is in no figure is said before the figures."""
    text = text_of(report())
    broken = "2 of 80 lines (2.5 %) of cases.jsonl, line 3, 5."
    assert text.index(f"Broken, and in no figure: {broken}") < text.index("Approvals go")


def test_a_document_of_an_earlier_release_is_read() -> None:
    """Parts that reports have no more were under its digest, and are left aside."""
    document = json.loads(rendered(report(), ReportFormat.JSON))
    del document["sha256"]
    document["margins"] = [{"figure": "params.least"}]
    earlier = msgspec.json.encode(document, order="sorted")
    document["sha256"] = hashlib.sha256(earlier).hexdigest()
    assert decoded(msgspec.json.encode(document), ImpactReport) == report()
    document["margins"] = []
    with pytest.raises(msgspec.ValidationError, match="sha256"):
        decoded(msgspec.json.encode(document), ImpactReport)


def _proved() -> ImpactReport:
    claims = (
        ClaimProof("nobody gets a better outcome", ProofAnswer.PROVED),
        ClaimProof(
            "nobody gets a worse outcome", ProofAnswer.COUNTEREXAMPLE, "a person; v1: APPROVE"
        ),
        ClaimProof("nobody is decided otherwise", ProofAnswer.UNDECIDED, "the time was over"),
    )
    return replace(report(), proofs=Proofs("v1", "v1 with least 9", "2026-11-01", claims))


def test_proofs_stand_beside_the_figures() -> None:
    text = text_of(_proved())
    assert text.index("How far this can be trusted") < text.index("Proved of all applicants")
    assert "v1 with least 9 against the champion v1, from 2026-11-01 on." in text
    assert "COUNTEREXAMPLE: not so: nobody gets a worse outcome; a person; v1: APPROVE" in text
    assert "UNDECIDED: nobody is decided otherwise: the time was over" in text


def test_programs_read_proofs() -> None:
    document = rendered(_proved(), ReportFormat.JSON)
    assert decoded(document.encode(), ImpactReport) == _proved()
    assert json.loads(document)["proofs"]["claims"][0] == {
        "claim": "nobody gets a better outcome",
        "answer": "PROVED",
        "told": "",
    }
    assert _proved().digest == report().digest


@pytest.mark.parametrize("form", ReportFormat)
def test_without_proofs_nothing_is_said_of_them(form: ReportFormat) -> None:
    """The report has the bytes that it had before proofs could be asked."""
    assert "proo" not in rendered(report(), form).lower()


def test_the_page_runs_nothing_and_fetches_nothing() -> None:
    """No script, link or picture from elsewhere; a cell of an input is text, whatever is in it."""
    page = html(report(cell="<script>alert(1)</script>"))
    tags = parsed(page)
    assert not tags.seen & {"script", "link", "img", "iframe"}
    assert "url(" not in page
    assert not re.search(r"https?://", page)


def test_every_chart_speaks_and_has_a_table() -> None:
    """A chart has a label for those who do not see it, and its figures stand in a table below."""
    page = html(report())
    names = re.findall(r'<svg role="img" aria-label="([^"]+)"', page)
    assert names == [
        "Outcomes before and after",
        *("Approvals by inputs.region", "Approvals by month", "Figures that change soon"),
        *(f"Approvals and referrals by params.{name}" for name in ("least",)),
    ]
    for drawn in page.split("<svg ")[1:]:
        assert "<table>" in drawn.partition("</section>")[0]


def test_a_figure_that_changes_soon_is_shown_with_what_it_moves() -> None:
    text = text_of(report())
    moved = "go from 95.0 % (88.8 to 97.8) to 65.0 % (55.3 to 73.6): -30.0 points (-"
    line = f"On 2026-12-01 params.least goes from 9 to 10: approvals then {moved}"
    assert text.count(line) == 2
    further = text.index("How far this can")
    assert text.index(line) < further < text.index("Figures that change soon")
    assert "2026-12-01 | 100 | 95.0 % (88.8 to 97.8) |" in text


def test_every_rate_has_its_bounds() -> None:
    """No share of applicants or loans is alone, in a table or in a sentence."""
    text = text_of(report()).partition("Where this comes from")[0].replace("(2.5 %) of", "")
    assert re.search(r"\d\.\d % \(", text)
    assert not re.search(r"\d\.\d % (?!\()", text.replace("exact to 1.6 %.", ""))


def test_cells_are_in_order_of_number() -> None:
    sums, cells = BacktestSums(), ["not sent", "-5 to below 900", "10,000 and more", "below -5"]
    for cell in ("900 to below 1,000.5", "A10", "A2", "1,000.5 to below 10,000", *cells) * 30:
        one = BacktestApplicant("dec_1", APPROVED, APPROVED, cells=(("amount", cell),))
        sums.count(one)
    assert [row.cell for row in report_of(report().subject, sums).segments] == [
        "below -5",
        "-5 to below 900",
        "900 to below 1,000.5",
        "1,000.5 to below 10,000",
        "10,000 and more",
        "A2",
        "A10",
        "not sent",
    ]


@pytest.mark.parametrize(
    ("shares", "ends"),
    [
        ((0.279, 0.396), (0.25, 0.4)),
        ((0.279, 0.279), (0.27, 0.28)),
        ((0.0, 0.02), (0.0, 0.02)),
        ((0.0, 1.0), (0.0, 1.0)),
        ((1.0, 1.0), (0.99, 1.0)),
        ((0.0, 0.309), (0.0, 0.4)),
    ],
)
def test_an_axis_fits_its_data(shares: tuple[float, float], ends: tuple[float, float]) -> None:
    """Whole steps around the smallest and the largest share, so that a change can be seen."""
    assert fitted(shares) == pytest.approx(ends)
    assert shares[0] >= fitted(shares)[0] - 1e-9


def test_the_digest_tells_every_figure() -> None:
    assert report().digest == report().digest
    assert report().digest != report(cell="CAR").digest


def test_conditions_are_met_or_not() -> None:
    """Measures are shares; what is met is told with its value."""
    asked = conditions(["approve_change < -0.05", "swap_in > 0.5", "not_compared >= 0.01"])
    with pytest.raises(CommandError, match="conditions met") as error:
        require_fit(report(), asked)
    assert list(error.value.lines) == [
        "approve_change < -0.05: approve_change is -0.1000",
        "not_compared >= 0.01: not_compared is 0.0196",
    ]


@pytest.mark.parametrize("text", ["approve_change", "approve_change < x", "approve_changes < 1"])
def test_a_condition_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match=r"--fail-if"):
        conditions([text])
