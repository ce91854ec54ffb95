"""When a social security scheme shows a month: months late, and for some payers in batches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from decision_service.simulator.formats.dates import GOVERNMENT_LAG_MONTHS, first_day, month_of


@dataclass(frozen=True, slots=True)
class Posting:
    """The time at which a payer's months show at a scheme.

    `lag` is the number of complete months after which a month is certain to be shown, `every` how
    many calendar months are paid together (3 by the quarter, 12 by the year), and `late` how many
    months later than the scheme's other payers this one is.
    """

    lag: int = GOVERNMENT_LAG_MONTHS
    every: int = 1
    late: int = 0

    def newest(self, today: date) -> int:
        """Return the newest month shown; a prompt payer's is one past the lag from the 15th on."""
        complete = month_of(today) - 1 - self.lag - self.late
        shown = complete + (1 if self.lag and today.day >= 15 else 0)
        return shown - (shown + 1) % self.every

    def day(self, month: int) -> date:
        """Return the day on which a month is shown: a scheme's 15th, a platform's first."""
        batch_end = month - month % self.every + self.every - 1
        first = first_day(batch_end + (self.lag + self.late or 1))
        return first + timedelta(days=14) if self.lag else first


PROMPT = Posting()
"""Each month on its own, two months after it."""
IMMEDIATE = Posting(lag=0)
"""Each month as soon as it is over, as a platform shows its own figures."""
