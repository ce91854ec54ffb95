"""Around each call: what it brings, its thread, and errors as statuses."""

from __future__ import annotations

import inspect
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from hypothesis import given
from hypothesis import strategies as st

from decision_service.domain import errors
from decision_service.server.transport.context import best_language, parse_languages
from decision_service.server.transport.event_loop import CallThreads
from decision_service.server.transport.interceptors import (
    CODES,
    DOMAIN,
    internal,
    is_public,
    read_call,
    status_of,
)
from decision_service.store.errors import ConnectionLost
from tests.kits.cases import cases


class Metadata:
    """The side of a call that brings metadata and perhaps a deadline."""

    def __init__(self, seconds: float | None = None, **pairs: str | bytes) -> None:
        self._seconds = seconds
        self._pairs = tuple((name.replace("_", "-"), value) for name, value in pairs.items())

    def time_remaining(self) -> float | None:
        return self._seconds

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        return self._pairs


def test_a_call_without_a_deadline_has_ten_seconds() -> None:
    """None means ten seconds, a deadline of years an hour, and any other itself."""
    assert read_call(Metadata(), "/x/Y").seconds == 10.0
    assert read_call(Metadata(1e9), "/x/Y").seconds == 3600.0
    assert read_call(Metadata(0.5), "/x/Y").seconds == 0.5


def test_ids_to_be_found_by_are_read_where_they_are_well_formed() -> None:
    """The request id comes back with the reply; a trace is named by its trace id."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    good = Metadata(x_request_id="los-7", traceparent=f"00-{trace}-b7ad6b7169203331-01")
    info = read_call(good, "/x/Y")
    assert (info.call_id, info.trace_id) == ("los-7", trace)
    assert info.trailing == [("x-request-id", "los-7")]
    bad = Metadata(x_request_id="a\nb", traceparent=f"00-{trace}", other_bin=b"\xff")
    info = read_call(bad, "/x/Y")
    assert (info.call_id, info.trace_id, info.trailing) == ("", "", [])


@given(st.text(max_size=300), st.text(max_size=100))
def test_any_metadata_is_read(request_id: str, traceparent: str) -> None:
    """No value, however broken, is an error; what is echoed is printable and bounded."""
    info = read_call(Metadata(x_request_id=request_id, traceparent=traceparent), "/x/Y")
    assert info.call_id.isprintable()
    assert len(info.call_id) <= 200
    assert len(info.trace_id) in {0, 32}


def test_a_call_does_not_show_its_credentials() -> None:
    """The token is in no repr of a call."""
    assert "dst_" not in repr(read_call(Metadata(authorization="Bearer dst_x"), "/x/Y"))


def test_languages_come_best_first() -> None:
    """Weights order them, places break ties, zero and nonsense drop out."""
    assert parse_languages("en;q=0.8, fil-PH, tl;q=0.9, de;q=0, *, x y") == ("fil-PH", "tl", "en")


@given(st.text(max_size=300))
def test_any_header_is_read(header: str) -> None:
    """No header, however broken, is an error."""
    assert len(parse_languages(header)) <= 8


@pytest.mark.parametrize(("header", "language"), cases("server/languages"))
def test_the_first_language_that_there_is_is_taken(header: str, language: str) -> None:
    """A region finds its language and an alias what it stands for; without any it is the first."""
    assert best_language(header, ("en", "fil"), {"tl": "fil"}) == language


PATIENCE = 30


def refuse(_: threading.Thread) -> None:
    """What a machine without room for another thread does."""
    raise RuntimeError("can't start new thread")


def test_work_for_which_no_thread_starts_is_done_by_the_next_that_has_time(monkeypatch):
    """The standard pool raises there, and a server that submits would serve nothing more."""
    busy = threading.Event()
    with CallThreads(3) as threads:
        first = threads.submit(busy.wait, PATIENCE)
        monkeypatch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            ThreadPoolExecutor(1).submit(print)
        later = [threads.submit(pow, 2, number) for number in range(3)]
        assert not any(work.done() for work in later)
        busy.set()
        assert [work.result(PATIENCE) for work in later] == [1, 2, 4]
        assert first.result(PATIENCE)


def test_what_work_comes_to_is_what_its_future_gives():
    """A result, or the error that it raised."""
    with CallThreads(2) as threads:
        assert threads.submit(divmod, 7, 2).result(PATIENCE) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            threads.submit(divmod, 7, 0).result(PATIENCE)


def test_work_that_is_cancelled_in_time_does_not_run():
    """One thread that is busy leaves the rest to wait, also to be cancelled."""
    done: list[int] = []
    with CallThreads(1) as threads:
        busy = threading.Event()
        first = threads.submit(busy.wait, PATIENCE)
        later = threads.submit(done.append, 1)
        assert later.cancel()
        busy.set()
        assert first.result(PATIENCE)
    assert done == []
    assert later.cancelled()


def test_work_after_the_end_is_cancelled_with_the_next_end():
    """No future of a pool that is shut down waits for ever."""
    threads = CallThreads(1)
    threads.shutdown()
    late = threads.submit(divmod, 7, 2)
    threads.shutdown()
    assert late.cancelled()


def unpacked(status: object, kind: type) -> list:
    found = []
    for detail in status.details:
        message = kind()
        if detail.Unpack(message):
            found.append(message)
    return found


@pytest.mark.parametrize("kind", sorted(CODES, key=lambda kind: kind.__name__))
def test_every_error_has_exactly_one_error_info(kind: type[errors.ServiceError]) -> None:
    """Its reason and domain are the contract's, its values are in the metadata."""
    problems = (errors.FieldProblem("user_id", "user_id is empty"),)
    fields = inspect.signature(kind).parameters
    error = kind("a sentence", problems) if "problems" in fields else kind("a sentence", value=3)
    status = status_of(error)
    [info] = unpacked(status, ErrorInfo)
    assert (info.reason, info.domain) == (kind.reason, DOMAIN)
    bad = unpacked(status, BadRequest)
    assert bool(bad) == (status.code == code_pb2.INVALID_ARGUMENT)
    if bad:
        assert info.metadata["field"] == bad[0].field_violations[0].field
    if status.code in {code_pb2.UNAVAILABLE, code_pb2.RESOURCE_EXHAUSTED, code_pb2.ABORTED}:
        [retry] = unpacked(status, RetryInfo)
        assert retry.retry_delay.ToTimedelta().total_seconds() > 0


def test_the_alarm_of_a_foreign_users_data_is_no_public_error() -> None:
    """CrossTenant has no code of its own: it leaves as INTERNAL with an incident id."""
    assert not is_public(errors.CrossTenant("x"))


def test_a_special_kind_of_error_is_told_as_the_general_one() -> None:
    """A store's error that the table does not name has the code of the one above it."""
    error = ConnectionLost("x", retry_after=1.0)
    assert is_public(error)
    assert status_of(error).code == code_pb2.UNAVAILABLE


def test_a_bug_shows_nothing_but_its_incident() -> None:
    """INTERNAL carries an id and no words of the exception."""
    status = internal("abc123")
    assert status.code == code_pb2.INTERNAL
    [info] = unpacked(status, ErrorInfo)
    assert dict(info.metadata) == {"incident": "abc123"}


def test_a_retry_time_of_the_error_wins() -> None:
    """Where the error knows when to come back, that is what is told."""
    [retry] = unpacked(status_of(errors.UpstreamUnavailable("x", retry_after=2.5)), RetryInfo)
    assert retry.retry_delay.ToTimedelta().total_seconds() == 2.5


def test_a_status_fits_into_what_clients_take() -> None:
    """However many fields are wrong, the trailers stay far below 8 KiB, and cut texts say so."""
    problems = tuple(errors.FieldProblem(f"inputs.{n}", "x" * 5_000) for n in range(1_000))
    status = status_of(errors.FieldInvalid("y" * 100_000, problems, product="z" * 5_000))
    assert status.ByteSize() < 7_000
    [bad] = unpacked(status, BadRequest)
    assert bad.field_violations[0].field == "inputs.0"
    [info] = unpacked(status, ErrorInfo)
    shortened = (status.message, info.metadata["product"], bad.field_violations[0].description)
    assert all(text.endswith("…") for text in shortened)
