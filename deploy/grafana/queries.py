"""PromQL that several panels share."""

from __future__ import annotations

PREFIX = "decision_service_"
WINDOW = "[$__rate_interval]"


def rate(metric: str, *by: str, where: str = "") -> str:
    """A counter's sum a second by labels; `where` are further matchers."""
    return f"sum by ({', '.join(by)}) (rate({PREFIX}{metric}{{{where}}}{WINDOW}))"


def counted(metric: str, *by: str, where: str = "", window: str = "1h") -> str:
    """A counter's rise within a window by labels."""
    return f"sum by ({', '.join(by)}) (increase({PREFIX}{metric}{{{where}}}[{window}]))"


def quantile(share: float, metric: str, *by: str, where: str = "") -> str:
    """A quantile of a histogram by labels."""
    labels = ", ".join((*by, "le"))
    buckets = f"rate({PREFIX}{metric}_bucket{{{where}}}{WINDOW})"
    return f"histogram_quantile({share}, sum by ({labels}) ({buckets}))"
