"""Money as whole minor units of an ISO 4217 currency; never binary floating point."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

import msgspec

LARGEST_AMOUNT = Decimal(10) ** 12
EXACT = Context(prec=34, rounding=ROUND_HALF_EVEN)

# ISO 4217 exponents that are not 2 (list one, 2024-06-25 amendment 177).
_EXPONENTS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}

_SIGNS = {
    "PHP": "₱",
    "USD": "$",
    "EUR": "€",
    "GBP": "£",
    "JPY": "¥",
    "IDR": "Rp",
    "INR": "₹",
    "THB": "฿",
    "VND": "₫",
    "KRW": "₩",
    "NGN": "₦",
}


class IllegalAmount(ValueError):
    """The amount is not finite, is larger than 10**12, or has more than four decimals."""


class Money(msgspec.Struct, frozen=True, order=True):
    """An amount: `currency` is an ISO 4217 code, `minor` whole minor units (centavos for PHP)."""

    currency: str
    minor: int

    @property
    def major(self) -> Decimal:
        """The amount in major units, exact."""
        return to_major(self.minor, self.currency)


def currency_sign(currency: str) -> str:
    """How a currency is written before an amount: `₱` for PHP, else its code."""
    return _SIGNS.get(currency, currency)


def exponent(currency: str) -> int:
    """Digits after the point of a currency's minor unit: 2 for PHP, 0 for JPY (ISO 4217)."""
    return _EXPONENTS.get(currency, 2)


def to_major(minor: int, currency: str) -> Decimal:
    """Whole minor units as an exact Decimal in major units."""
    return Decimal(minor).scaleb(-exponent(currency))


def to_minor(amount: Decimal, currency: str) -> int:
    """A legal amount in major units as whole minor units, rounded half-even.

    Legal: finite, |amount| at most 10**12, at most four decimals (trailing zeros do not count).
    Raises IllegalAmount otherwise, before any expensive arithmetic.
    """
    check_amount(amount)
    scaled = amount.scaleb(exponent(currency), EXACT)
    return int(scaled.quantize(Decimal(1), ROUND_HALF_EVEN, EXACT))


def check_amount(amount: Decimal) -> None:
    """Raise IllegalAmount unless finite, within 10**12 and of four decimals at most."""
    if not amount.is_finite():
        raise IllegalAmount("the amount is not a finite number")
    if (amount and not -20 <= amount.adjusted() <= 12) or abs(amount) > LARGEST_AMOUNT:
        raise IllegalAmount("the amount is outside -10^12 to 10^12 or finer than four decimals")
    if len(amount.as_tuple().digits) > 60 or amount != amount.quantize(
        Decimal("0.0001"), context=EXACT
    ):
        raise IllegalAmount("the amount has more than four decimals")
