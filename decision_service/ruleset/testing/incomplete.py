"""What the cases of a file lack for one reason: told once, at the first of them."""

from __future__ import annotations

from decision_service.language.diagnostics import Place, Report


class Incomplete:
    """Errors that many cases share, since what they have in common is at fault."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], list[Place]] = {}

    def add(self, code: str, place: Place, message: str, hint: str = "") -> None:
        """One case of an error."""
        self._found.setdefault((code, message, hint), []).append(place)

    def tell(self, report: Report) -> None:
        """Report each error once, with the number of its cases where there are several."""
        for (code, message, hint), places in self._found.items():
            several = f"{len(places)} cases: say it once for all of them, under `defaults`"
            parts = [hint, several if len(places) > 1 else ""]
            report.error(code, places[0], message, "; ".join(filter(None, parts)))
