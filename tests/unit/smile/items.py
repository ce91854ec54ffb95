"""Made-up answers of the vendor, spelt as its document spells them."""

from datetime import timedelta

from tests.unit.smile.virtual import NOW

USER = "tenantId-0000000000000000000000000000000a"
OTHER_USER = "tenantId-0000000000000000000000000000000b"
SSS = "a-sss"
GRAB = "a-grab"


def instant(before=timedelta(0)):
    """A date-time so long before NOW."""
    return (NOW - before).strftime("%Y-%m-%dT%H:%M:%SZ")


def metadata(source=SSS, user=USER, **more):
    return {
        "createdAt": instant(timedelta(days=1)),
        "sourceId": source,
        "sourceType": "ACCOUNT",
        "userId": user,
        "providerId": "sss_ph",
        **more,
    }


def account(account_id=SSS, provider="sss_ph", status="CONNECTED", age=timedelta(days=400), **more):
    """An account of so much age."""
    at = instant(min(age, timedelta(days=2)))
    return {
        "id": account_id,
        "createdAt": instant(age),
        "providerId": provider,
        "userId": USER,
        "connectionStatus": status,
        "connection": {"status": status, "errorCode": None, "updatedAt": at},
        "monitorStatus": "ACTIVE",
        "monitor": {"status": "ACTIVE", "updatedAt": at},
        **more,
    }


def eincome(n=1, month="2026-08", amount=15000, **more):
    return {
        "id": f"einc-{n}",
        "month": month,
        "currency": "PHP",
        "amount": amount,
        "baseAmount": 15000,
        "metadata": metadata(),
        **more,
    }


def contribution(n=1, date="2026-08-31", amount=1375, **more):
    return {
        "id": f"con-{n}",
        "date": date,
        "currency": "PHP",
        "amount": amount,
        "referenceId": "PA1",
        "metadata": metadata(),
        **more,
    }


def income(n=1, **more):
    """A payroll record."""
    return {
        "id": f"inc-{n}",
        "employer": "ABC Corporation",
        "startDate": "2026-08-01",
        "endDate": "2026-08-15",
        "currency": "PHP",
        "frequency": "Semimonthly",
        "baseAmount": None,
        "grossAmount": 10000,
        "netAmount": 7820.25,
        "metadata": metadata(),
        **more,
    }


def employment(n=1, **more):
    return {
        "id": f"e-{n}",
        "employer": "ABC Corporation",
        "jobTitle": "Clerk",
        "status": "Permanent",
        "startDate": "2020-02-24",
        "endDate": None,
        "reportedDate": "2026-08-25",
        "metadata": metadata(),
        **more,
    }


def liability(n=1, **more):
    return {
        "id": f"lia-{n}",
        "type": "Salary Loan",
        "startDate": "2025-07-05",
        "endDate": "2027-08-01",
        "amortizationFrequency": "Monthly",
        "currency": "PHP",
        "loanAmount": 16000,
        "amortizationAmount": 738.32,
        "outstandingBalance": 5599.76,
        "nextPaymentAmount": 732.38,
        "overduePaymentAmount": 0,
        "metadata": metadata(),
        **more,
    }


def transaction(n=1, date="2026-11-20", amount=-120.5, **more):
    """A transaction of the gig account."""
    return {
        "id": f"t-{n}",
        "date": date,
        "description": "Trip earnings",
        "currency": "PHP",
        "amount": amount,
        "metadata": metadata(source=GRAB, providerId="grab"),
        **more,
    }


def identity(n=1, **more):
    return {
        "id": f"i-{n}",
        "fullName": "N. N.",
        "dob": "1990-01-31",
        "metadata": metadata(),
        **more,
    }


def insight(n=1, **more):
    """The vendor's ready-made factors."""
    return {
        "id": f"insight-{n}",
        "cutoffTime": instant(),
        "features": {
            "link_days_since_first": 400,
            "link_days_since_last": -999,
            "link_day3_count": 1,
            "link_day7_count": -999,
            "link_day30_count": 4,
        },
        "metadata": metadata(),
        **more,
    }


def task(n=1, source=SSS, status="Started", **more):
    """A collecting task."""
    return {
        "id": f"task-{n}",
        "type": "LINK_ACCOUNT",
        "status": status,
        "startedAt": instant(),
        "finishedAt": None if status == "Started" else instant(),
        "metadata": metadata(source),
        **more,
    }


def provider(provider_id="sss_ph", kind="GOVERNMENT", supported=("EINCOMES", "CONTRIBUTIONS")):
    return {"id": provider_id, "name": provider_id, "type": kind, "supported": list(supported)}
