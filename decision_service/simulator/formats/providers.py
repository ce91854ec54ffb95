"""The data providers: who they are and which kinds of data they support."""

from __future__ import annotations

from typing import Any

_TYPE_LABELS = {
    "GIG": "Gig Platform",
    "GOVERNMENT": "Govt Service",
    "SYSTEM": "System",
    "EMPLOYER": "Employer",
    "CREDENTIAL": "Credential",
}
_SUBTYPE_LABELS = {
    "SERVICES": "Professional Services",
    "TRANSPORTATION": "Transport and Delivery",
    "SHARING": "Asset Sharing",
    "TRADING": "Online Selling",
    "INSURANCE": "Social Insurance",
    "HRIS": "Human Resource Information System",
    "PAYROLL": "Payroll System",
    "IDENTIFICATION": "Identification",
    "ISIC-C": "Manufacturing",
    "ISIC-G": "Wholesale and retail trade; repair of motor vehicles and motorcycles",
    "ISIC-I": "Accommodation and food service activities",
    "ISIC-J": "Information and communication",
    "ISIC-N": "Administrative and support service activities",
}
_KINDS = {
    "I": "IDENTITIES",
    "T": "TRANSACTIONS",
    "E": "EMPLOYMENTS",
    "P": "INCOMES",
    "C": "CONTRIBUTIONS",
    "M": "EINCOMES",
    "L": "LIABILITIES",
    "D": "DOCUMENTS",
    "R": "RATINGS",
}
_TABLE = """
sss_ph          | SSS            | Social Security System                         | GOVERNMENT | INSURANCE      | IECML
pagibig_ph      | Pag-IBIG       | Home Development Mutual Fund                   | GOVERNMENT | INSURANCE      | IECL
philhealth_ph   | PhilHealth     | Philippine Health Insurance Corporation        | GOVERNMENT | INSURANCE      | IECM
gsis_ph         | GSIS           | Government Service Insurance System            | GOVERNMENT | INSURANCE      | IECML
jamsostek_id    | JMO            | BPJS Ketenagakerjaan                           | GOVERNMENT | INSURANCE      | IECM
bpjs_id         | BPJS           | BPJS Kesehatan                                 | GOVERNMENT | INSURANCE      | IC
epfo_in         | EPFO           | Employees' Provident Fund Organisation         | GOVERNMENT | INSURANCE      | IECM
cpf_sg          | CPF            | Central Provident Fund Board                   | GOVERNMENT | INSURANCE      | IECM
kwsp_my         | KWSP           | Kumpulan Wang Simpanan Pekerja                 | GOVERNMENT | INSURANCE      | IECM
grab_ph         | Grab           | Grab Philippines                               | GIG        | TRANSPORTATION | ITM
lalamove_ph     | Lalamove       | Lalamove Philippines                           | GIG        | TRANSPORTATION | IT
foodpanda_ph    | foodpanda      | Delivery Hero Philippines                      | GIG        | TRANSPORTATION | IT
angkas_ph       | Angkas         | DBDOYC Inc.                                    | GIG        | TRANSPORTATION | IT
joyride_ph      | JoyRide        | We Move Things Philippines                     | GIG        | TRANSPORTATION | IT
moveit_ph       | Move It        | We Move Things On Two Wheels                   | GIG        | TRANSPORTATION | IT
mrspeedy_ph     | Borzo          | Borzo Philippines                              | GIG        | TRANSPORTATION | IT
transportify_ph | Transportify   | Deliveree Philippines                          | GIG        | TRANSPORTATION | IT
grab_id         | Grab           | Grab Indonesia                                 | GIG        | TRANSPORTATION | IT
gojek_id        | Gojek          | GoTo Gojek Tokopedia                           | GIG        | TRANSPORTATION | IT
grab_sg         | Grab           | Grab Holdings Inc.                             | GIG        | TRANSPORTATION | IT
swiggy_in       | Swiggy         | Swiggy Limited                                 | GIG        | TRANSPORTATION | IT
zomato_in       | Zomato         | Zomato Limited                                 | GIG        | TRANSPORTATION | IT
upwork          | Upwork         | Upwork Global Inc.                             | GIG        | SERVICES       | ITER
freelancer      | Freelancer     | Freelancer Technology Pty Limited              | GIG        | SERVICES       | ITR
fiverr          | Fiverr         | Fiverr International Ltd.                      | GIG        | SERVICES       | ITR
onlinejobs_ph   | OnlineJobs     | OnlineJobs.ph                                  | GIG        | SERVICES       | IE
airbnb          | Airbnb         | Airbnb, Inc.                                   | GIG        | SHARING        | ITR
lazada_ph       | Lazada         | Lazada E-Services Philippines                  | GIG        | TRADING        | IT
shopee_ph       | Shopee         | Shopee Philippines                             | GIG        | TRADING        | IT
sprout_ph       | Sprout         | Sprout Solutions                               | SYSTEM     | PAYROLL        | IEPD
salarium_ph     | Salarium       | Salarium Ltd.                                  | SYSTEM     | PAYROLL        | IEPD
payruler_ph     | PayrollRuler   | Payroll Ruler Philippines                      | SYSTEM     | PAYROLL        | IEP
gusto_us        | Gusto          | Gusto, Inc.                                    | SYSTEM     | PAYROLL        | IEP
bamboohr        | BambooHR       | Bamboo HR LLC                                  | SYSTEM     | HRIS           | IE
talenta_id      | Talenta        | Mekari Talenta                                 | SYSTEM     | HRIS           | IEP
greytip_in      | greytHR        | Greytip Software                               | SYSTEM     | HRIS           | IEP
jollikusina_ph  | Jolli Kusina   | Jolli Kusina Restaurants, Inc.                 | EMPLOYER   | ISIC-I         | IEP
luzontel_ph     | LuzonTel       | Luzon Telecommunications, Inc.                 | EMPLOYER   | ISIC-J         | IEP
visayagarment_ph| Visaya Garment | Visaya Garment Manufacturing Corporation       | EMPLOYER   | ISIC-C         | IEP
davaomart_ph    | DavaoMart      | DavaoMart Supermarkets, Inc.                   | EMPLOYER   | ISIC-G         | IE
bayancalls_ph   | Bayan Calls    | Bayan Calls Outsourcing, Inc.                  | EMPLOYER   | ISIC-N         | IEP
nbi_ph          | NBI Clearance  | National Bureau of Investigation               | CREDENTIAL | IDENTIFICATION | ID
prc_ph          | PRC            | Professional Regulation Commission             | CREDENTIAL | IDENTIFICATION | ID
"""  # noqa: E501 - a table reads best with one provider a line


def _provider(line: str) -> dict[str, Any]:
    name_id, name, long_name, kind, sub, supported = (cell.strip() for cell in line.split("|"))
    return {
        "id": name_id,
        "name": name,
        "longName": long_name,
        "logoUrl": f"https://cdn.smileapi.io/image/provider-logo/v1/{name_id}.png",
        "type": kind,
        "typeLabel": _TYPE_LABELS[kind],
        "subType": sub,
        "subTypeLabel": _SUBTYPE_LABELS[sub],
        "active": True,
        "enabled": True,
        "mfa": kind in ("GIG", "GOVERNMENT"),
        "accountConnection": True,
        "supported": [_KINDS[letter] for letter in supported],
        "monitorSupported": kind != "CREDENTIAL",
    }


PROVIDERS: dict[str, dict[str, Any]] = {
    provider["id"]: provider for provider in map(_provider, _TABLE.strip().splitlines())
}
"""Every provider by id, in the vendor's Provider shape."""


def supported_kinds(provider_id: str) -> tuple[str, ...]:
    """Return the kinds a provider supports as endpoint names; none of one that is not listed."""
    listed = PROVIDERS.get(provider_id, {"supported": ()})
    return tuple(kind.lower() for kind in listed["supported"])
