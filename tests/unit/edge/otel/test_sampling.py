"""Which calls are traced, by the standard variables and by their callers' traces."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from decision_service.server.otel import ParentOrShare, VariableRefused, head_sampling

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"


@pytest.mark.parametrize(
    ("metadata", "share", "traced"),
    [
        ((("traceparent", f"{TRACE}-01"),), 0.0, True),
        ((("traceparent", f"{TRACE}-00"),), 1.0, False),
        ((("traceparent", f"{TRACE}-00"), ("traceparent", "x")), 1.0, False),
        ((("traceparent", "malformed"),), 1.0, True),
        ((("user-agent", "grpc"),), 1.0, True),
        ((), 0.0, False),
    ],
)
def test_a_callers_trace_goes_on_as_it_is(
    metadata: tuple[tuple[str, str], ...], share: float, traced: bool
) -> None:
    """Sampled or not by its flags, whatever the share of calls without a trace is."""
    assert ParentOrShare(share)(SimpleNamespace(invocation_metadata=metadata)) is traced


@pytest.mark.parametrize(
    ("sampler", "argument", "share"),
    [
        ("", "", 1.0),
        ("parentbased_always_off", "", 0.0),
        ("parentbased_traceidratio", "0.1", 0.1),
        ("parentbased_traceidratio", "", 1.0),
    ],
)
def test_the_share_is_that_of_the_variables(
    monkeypatch: pytest.MonkeyPatch, sampler: str, argument: str, share: float
) -> None:
    """Of every parent-based sampler; other samplers are the SDK's."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", argument)
    asked, _ = head_sampling()
    assert asked == ParentOrShare(share)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    assert head_sampling() == (None, None)


@pytest.mark.parametrize("argument", ["10", "-1", "10%", "nan"])
def test_a_share_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, argument: str) -> None:
    """A sentence with the value and what it takes."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", argument)
    with pytest.raises(VariableRefused, match=f"is '{argument}': it takes a share of calls"):
        head_sampling()
