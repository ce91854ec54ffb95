"""Whose applicant a user is: callers reach the users that they created, and no others."""

from __future__ import annotations

from decision_service.domain.errors import UserUnknown
from decision_service.pipeline.applicants.ports import ApplicantLog


class ApplicantOwners:
    """Finds in the store which caller created a user; the vendor is not asked."""

    def __init__(self, log: ApplicantLog) -> None:
        self._log = log

    async def require(self, user_id: str, scope: str) -> None:
        """Raise UserUnknown where `scope` names a caller that did not create the user.

        The same for a user of another caller and for one that does not exist. An empty `scope`
        stands for every caller. Raises StoreUnavailable.
        """
        if scope and not await self._log.created_by(scope, user_id):
            raise UserUnknown(
                "this caller has created no applicant with this user_id: check the id, or call "
                "with the role onboard_all"
            )
