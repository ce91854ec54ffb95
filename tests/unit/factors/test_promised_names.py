"""The names that rule files may rely on: factors are added, never renamed or taken away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

import pytest

from decision_service.factors.registry import catalogue

PROMISED = """
income.months_total
income.count_{3,6,9,12,18,24}m
income.months_{3,6,9,12,18,24}m
income.change_{6,12,24}m
income.change_{6,12,24}m_pct
income.trend_{6,12,24}m_pct
income.calendar_average_{3,6,9,12,18,24}m
income.conservative_{6,12}m
income.{sum,average,min,max,median,std}_{3m,6m,9m,12m,18m,24m,all}
income.{current_amount,starting_amount,growth_12m,months_at_max_18m}
income.{months_since_first,months_since_last}
income.{gap_months,longest_gap}_{12,24}m
income.volatility_{6,12}m
income.{jobs_count,top_job_share_12m,payroll_share_12m,gig_share_12m}
income.{inner_gaps,longest_inner_gap}_all
income.{latest_month,latest_share,sum_change_6m,sum_change_12m}
income.{months_since_last_payroll,latest_payroll_month,live_sources_count}
income.{paydays_missed,tenure_months_known,next_due_date}
income.{backed_months_12m,months_since_backed,weakest_grade_6m}
income.{source_disagreement_6m,unknown_provider_excess,scheme_conflict}
contributions.months_total
contributions.count_{3,6,9,12}m
contributions.change_{6,12,24}m
contributions.months_{3,6,9,12,18,24}m
contributions.{sum,average,min,max}_{3,6,9,12,18,24}m
contributions.{months_since_last,longest_gap_12m,longest_streak_months,schemes_count}
transactions.{count,earnings,fees,withdrawals,net}_{1,3,6,12}m
transactions.{active_days,fee_ratio,largest_earning_share}_{1,3,6,12}m
transactions.{earnings,active_days}_{7,14,28,91}d
transactions.{earnings_change_28d_pct,days_since_last,fee_presence_91d}
transactions.unexplained_credit_share_91d
transactions.loan_repayments_{28,91}d
transactions.days_idle_habit
employment.{status,has_payroll,has_gig,current_tenure_months,longest_tenure_months}
employment.{employers_count,jobs_started_24m,months_since_last_end}
employment.{started_since_backed,ended_without_income}
liabilities.{loan_count,outstanding_count,overdue_count,finished_count}
liabilities.loan_amount_{total,average,min,max,std}
liabilities.{outstanding_total,overdue_total,monthly_amortization,scheme_debt_to_income}
liabilities.{outstanding_short_term,matured_unpaid_total}
liabilities.{outstanding_average,outstanding_max,overdue_average}
liabilities.ongoing_amortization_{sum,average,min,max,median,std}
liabilities.repaid_{count,total,average,min,max,median,std}
accounts.{connected_count,error_count,disconnected_count,pending_count,providers_count}
accounts.{oldest_connection_days,oldest_sync_age_days,newest_sync_age_days}
links.connected_{3,7,30,90,180,365,730}d
links.days_since_{first,last}
history.{applications,approvals,declines}_{1,7,30,90}d
history.{days_since_last_decline,last_decline_date,exposure,exposure_instalments,linked_exposure}
history.{overdue_loans,repaid_loans,today}
match.{name,birth_date,phone,email}
reuse.{users_of_account,customers_of_user,users_of_person,users_of_documents}
identity.{age_years,age_at_maturity_years}
"""


def written_out(pattern: str) -> Iterator[str]:
    """`a_{1,2}m` is `a_1m` and `a_2m`."""
    parts = re.split(r"\{([^}]*)\}", pattern)
    choices = [part.split(",") if place % 2 else [part] for place, part in enumerate(parts)]
    return ("".join(chosen) for chosen in product(*choices))


@pytest.mark.parametrize("pattern", PROMISED.split())
def test_what_rule_files_may_name_is_there(pattern: str) -> None:
    """Each promised factor is in the catalogue under exactly that name."""
    assert set(written_out(pattern)) <= set(catalogue())


def test_every_factor_is_promised() -> None:
    """The catalogue has no factor whose name nobody has promised to keep."""
    promised = {name for pattern in PROMISED.split() for name in written_out(pattern)}
    assert promised == set(catalogue())
