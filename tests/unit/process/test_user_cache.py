"""What is kept in memory of users."""

from __future__ import annotations

from decision_service.decide.flow import UserCache


def test_the_longest_unused_makes_room() -> None:
    """There are never more entries than was said, and asking for one keeps it."""
    cache: UserCache[int] = UserCache(2)
    cache["u-1", "a"], cache["u-2", "a"] = 1, 2
    assert cache.get(("u-1", "a")) == 1
    cache["u-3", "a"] = 3
    assert sorted(cache) == [("u-1", "a"), ("u-3", "a")]
    cache.forget("u-2")
    assert len(cache) == 2


def test_bytes_are_the_bound_where_a_size_is_given() -> None:
    """Entries make room by their sizes; one that is larger than the whole is kept alone."""
    cache: UserCache[bytes] = UserCache(10, len)
    cache["u-1", "a"], cache["u-1", "b"], cache["u-2", "a"] = bytes(4), bytes(4), bytes(6)
    assert sorted(cache) == [("u-1", "b"), ("u-2", "a")]
    cache["u-3", "a"] = bytes(11)
    assert [*cache] == [("u-3", "a")]
    cache["u-1", "a"] = bytes(1)
    assert [*cache] == [("u-1", "a")]


def test_a_user_is_forgotten_with_all_that_was_kept() -> None:
    """All entries of the user go, those of the others stay, and their room is free again."""
    cache: UserCache[bytes] = UserCache(10, len)
    cache["u-1", "a"], cache["u-1", "b"], cache["u-2", "a"] = bytes(3), bytes(3), bytes(3)
    cache.forget("u-1")
    assert [*cache] == [("u-2", "a")]
    assert cache.currsize == 3
    cache.forget("nobody")
    assert [*cache] == [("u-2", "a")]


def test_what_was_being_read_when_a_user_was_forgotten_is_not_kept() -> None:
    """A value counts only where nobody was forgotten between its reading and its keeping."""
    cache: UserCache[int] = UserCache(9)
    since = cache.forgotten
    cache.keep(("u-1", "a"), 1, since)
    cache.forget("u-1")
    cache.keep(("u-1", "a"), 2, since)
    assert [*cache] == []
    cache.keep(("u-1", "a"), 3, cache.forgotten)
    assert cache["u-1", "a"] == 3
