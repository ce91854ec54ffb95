"""Whose an item is and where it comes from."""

from datetime import UTC, datetime

import pytest

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import Source
from decision_service.domain.values import DataReason
from decision_service.smile.answers import Metadata
from decision_service.smile.errors import UpstreamFault
from decision_service.smile.records import merged, origin


def about(**fields):
    """The metadata of an upload's item."""
    return Metadata(**{"user_id": "u", "source_id": "s", "source_type": "UPLOAD", **fields})


def test_the_older_name_of_the_source_counts():
    """`accountId` names the source where `sourceId` does not; without both an item is not used."""
    assert origin(about(source_id=None, account_id="a"), Kind.EINCOMES).id == "a"
    assert origin(about(account_id="a"), Kind.EINCOMES).id == "s"
    assert origin(about(source_type=None), Kind.EINCOMES).type == "ACCOUNT"
    with pytest.raises(UpstreamFault) as found:
        origin(about(source_id=None), Kind.EINCOMES)
    assert found.value.detail == "eincomes.metadata.sourceId"


def test_an_upload_needs_a_readable_date():
    """`createdAt` that is no instant is BAD_DATE for an upload and not looked at for an account."""
    origin(about(source_type="ACCOUNT", created_at="never"), Kind.EINCOMES)
    with pytest.raises(UpstreamFault) as found:
        origin(about(created_at="never"), Kind.EINCOMES)
    assert found.value.code is DataReason.BAD_DATE


def at(day):
    """An instant of November 2026."""
    return datetime(2026, 11, day, tzinfo=UTC)


def test_sources_are_merged_with_their_newest_date():
    """A source that gave several items is one source with the newest date, accounts left out."""
    seen = [
        Source("s", "ARCHIVE", "p", at(2)),
        Source("a", "ACCOUNT", "p"),
        Source("s", "ARCHIVE", "p", at(9)),
        Source("s", "ARCHIVE", "p", None),
        Source("r", "UPLOAD", "q", None),
        Source("s", "ARCHIVE", "p", at(5)),
    ]
    assert merged(seen) == (Source("r", "UPLOAD", "q", None), Source("s", "ARCHIVE", "p", at(9)))
