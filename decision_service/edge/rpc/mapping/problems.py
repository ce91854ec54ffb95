"""What is wrong with a request, field by field, and checks that several requests share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

from google.protobuf.message import Message

from decision_service.api.v1.values_pb2 import InputValue
from decision_service.domain.errors import UNSEEN, FieldInvalid, FieldProblem, visible
from decision_service.edge.rpc.mapping.values import WireError, civil_date

_USER_ID = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
_DECISION_ID = re.compile(r"dec_[0-9A-HJKMNP-TV-Z]{26}", re.ASCII)
_PRODUCT = re.compile(r"[a-z0-9][a-z0-9-]{0,99}", re.ASCII)
_REFERENCE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,198}[\x21-\x7e])?", re.ASCII)

_UUID = re.compile(r"(\{)?([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})(?(1)\})", re.A | re.I)


def request_id_in(written: str) -> str:
    """A client's request id: a UUID in small letters without braces, another id as it is."""
    uuid = _UUID.fullmatch(written)
    return uuid[2].lower() if uuid else written


class Problems:
    """Collects what is wrong with a request, field by field."""

    def __init__(self) -> None:
        self._found: list[FieldProblem] = []

    def add(self, field: str, description: str) -> None:
        """Note one field's problem."""
        self._found.append(FieldProblem(field, f"{field} {description}"))

    def raise_if_any(self) -> None:
        """Raise FieldInvalid with all that was found."""
        if self._found:
            message = "; ".join(problem.description for problem in self._found)
            raise FieldInvalid(message, tuple(self._found))

    def date(self, field: str, value: str) -> date | None:
        """A civil date, or None where it is noted as empty or malformed."""
        try:
            return civil_date(value)
        except WireError as error:
            self.add(
                field, f"is malformed: {error}" if value else "is empty: it must be YYYY-MM-DD"
            )
            return None

    def text(self, field: str, value: str, pattern: re.Pattern[str], form: str) -> None:
        """Note a text that does not have the form."""
        if not pattern.fullmatch(value):
            self.add(field, f"must be {form}" if value else f"is empty: it must be {form}")


def check_product(problems: Problems, product: str, field: str = "product") -> None:
    """Note a product that cannot be the name of a rules folder."""
    problems.text(field, product, _PRODUCT, "a product's name, for example personal-loan-ph")


def check_page_size(problems: Problems, asked: int) -> None:
    """Note a size below 0; a size above the largest means the largest (AIP-158)."""
    if asked < 0:
        problems.add("page_size", f"is {asked}: it must not be negative")


def check_user_id(problems: Problems, user_id: str) -> None:
    """Note what cannot be a Smile userId."""
    problems.text("user_id", user_id, _USER_ID, "1 to 200 letters, digits, _ or -")


def check_decision_id(problems: Problems, decision_id: str, field: str = "decision_id") -> None:
    """Note what cannot be a decision's id."""
    problems.text(field, decision_id, _DECISION_ID, "`dec_` and a ULID")


def check_reference(problems: Problems, field: str, value: str, *, required: bool = False) -> None:
    """Note what cannot be a client's own reference; an empty one is none."""
    if value or required:
        problems.text(field, value, _REFERENCE, "1 to 200 printable ASCII characters")


def check_texts(problems: Problems, value: object, field: str = "") -> None:
    """Note each text of a request, however deep, with a control or bidirectional character.

    It would rule the screen of whoever reads it later.
    """
    if isinstance(value, str):
        if found := UNSEEN.search(value):
            problems.add(
                field,
                f"has U+{ord(found[0]):04X} at character {found.start() + 1}: send no "
                "control or bidirectional characters; line breaks and tabs are allowed",
            )
    elif isinstance(value, InputValue):
        check_texts(problems, value.text, field)
    elif isinstance(value, Message):
        for one, inner in value.ListFields():
            check_texts(problems, inner, f"{field}.{one.name}" if field else one.name)
    elif isinstance(value, Mapping):
        check_texts(problems, [*value], field)
        for key in value:
            check_texts(problems, value[key], f"{field}.{visible(key)}")
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for each in value:
            check_texts(problems, each, field)
