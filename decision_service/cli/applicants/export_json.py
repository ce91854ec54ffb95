"""An export as JSON: one object, a record on each line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TextIO

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.domain.errors import visible


class JsonExport:
    """Writes records as they come."""

    def __init__(self, file: TextIO, user_id: str) -> None:
        self._file = file
        self._next = "\n"
        file.write(f'{{"user_id": {json.dumps(user_id)}, "records": [')

    def add(self, records: Iterable[pb.StoredRecord]) -> None:
        """Write some records."""
        for record in records:
            head = json.dumps({"kind": record.kind, "id": record.id}).removesuffix("}")
            self._file.write(f'{self._next}{head}, "content": {visible(record.content)}}}')
            self._next = ",\n"

    def end(self) -> None:
        """Close the object."""
        self._file.write("\n]}\n")
