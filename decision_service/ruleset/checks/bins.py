"""Bins that overlap, leave a gap or miss a label."""

from __future__ import annotations

from collections.abc import Sequence

from decision_service.language.types import ORDERED
from decision_service.ruleset.analysis.ranges import labels_of, whole
from decision_service.ruleset.analysis.regions import ValueRange, gaps, overlap
from decision_service.ruleset.constructs.scorecard.model import Bin, Characteristic
from decision_service.ruleset.constructs.scorecard.read import ScorecardPart
from decision_service.ruleset.program.wording import Wording
from decision_service.ruleset.reading.draft import RulesetDraft


def check_bins(draft: RulesetDraft) -> None:
    """R411 for an overlap, R412 for a gap, R413 for a label without a bin."""
    for part in draft.stages:
        if isinstance(part.part, ScorecardPart):
            for each in part.part.card.characteristics:
                _overlaps(each, draft)
                if each.complete:
                    _gaps(each, draft)


def _overlaps(each: Characteristic, draft: RulesetDraft) -> None:
    for index, later in enumerate(each.bins):
        for earlier in each.bins[:index]:
            shared = _shared(earlier, later, each, draft)
            if shared:
                message = f"bins of `{each.name.text}` overlap"
                hint = f"{shared} is in the bin on line {earlier.cell.place.line} too"
                draft.report.error("R411", later.cell.place, message, hint)
                return


def _shared(earlier: Bin, later: Bin, each: Characteristic, draft: RulesetDraft) -> str:
    wording = Wording(draft.names.currency)
    labels = [label for label in later.cell.labels if label in earlier.cell.labels]
    if labels:
        return wording.value(labels[0], each.name.type)
    for first in earlier.cell.spans:
        for second in later.cell.spans:
            found = overlap(first, second, each.name.type)
            if found is not None:
                return wording.span(found, each.name.type)
    return ""


def _gaps(each: Characteristic, draft: RulesetDraft) -> None:
    if each.name.type in ORDERED:
        _span_gaps(each, draft)
        return
    everything = labels_of(each.name.symbol)
    covered = {label for b in each.bins for label in b.cell.labels}
    left = [str(label) for label in everything if label not in covered]
    if left or not everything:
        words = " and ".join(f"`{label}`" for label in left) or "every other text"
        message = f"bins of `{each.name.text}` miss {words}"
        draft.report.error("R413", each.place, message, "add a bin for it")


def _span_gaps(each: Characteristic, draft: RulesetDraft) -> None:
    symbol, wording = each.name.symbol, Wording(draft.names.currency)
    spans = [span for b in each.bins for span in b.cell.spans]
    left = gaps(whole(symbol, draft.names.currency), spans, symbol.type)
    if not left:
        return
    where = " and ".join(wording.span(span, symbol.type) for span in left)
    one = len(left) == 1 and left[0].low == left[0].high
    without = f"value {where} has" if one else f"values {where} have"
    cells = [f"`{wording.cell(span, symbol.type)}`" for span in left]
    message = f"bins of `{symbol.name}` leave a gap"
    hint = f"{without} no bin: extend one, or add {' and '.join(cells)}"
    draft.report.error("R412", _after(left[0], each.bins).cell.place, message, hint)


def _after(gap: ValueRange, bins: Sequence[Bin]) -> Bin:
    """The bin that begins where a gap ends, else the last one."""
    for each in bins:
        for span in each.cell.spans:
            if gap.high is not None and span.low is not None and span.low >= gap.high:
                return each
    return bins[-1]
