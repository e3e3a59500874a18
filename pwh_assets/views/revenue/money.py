"""Money in HogQL: whole smallest units all the way, one rounding per conversion, decimals at the end."""

ZERO_DECIMAL = (
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA",
    "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF",
)  # fmt: skip
"""Currencies whose amounts Stripe gives in whole units. Its ISK and UGX have two digits, as
https://docs.stripe.com/currencies says."""
THREE_DECIMAL = ("BHD", "JOD", "KWD", "OMR", "TND")


def digits_of(currency: str) -> int:
    """Digits after the point of Stripe's smallest unit.

    >>> digits_of("usd"), digits_of("JPY"), digits_of("kwd")
    (2, 0, 3)
    """
    code = currency.upper()
    return 0 if code in ZERO_DECIMAL else 3 if code in THREE_DECIMAL else 2


def _listed(codes: tuple[str, ...]) -> str:
    return ", ".join(f"'{code}'" for code in codes)


def units(currency: str) -> str:
    """HogQL: how many smallest units one unit of a currency's column has."""
    return (
        f"multiIf({currency} IN ({_listed(ZERO_DECIMAL)}), 1, "
        f"{currency} IN ({_listed(THREE_DECIMAL)}), 1000, 100)"
    )


def rates(days: str, base: str) -> str:
    """HogQL: `currency`, `day` and `rate` (units of `base` for one of the currency) for a query of `currency` and `day`.

    A rate is looked up once for each currency and day, not for each amount: `convertCurrency` in a row that joins
    and sorts would carry the whole table of rates along.
    """
    return (
        f"SELECT pair.currency AS currency, pair.day AS day, "
        f"convertCurrency(pair.currency, '{base}', 1.0, pair.day) AS rate "
        f"FROM (SELECT DISTINCT currency, day FROM ({days}) AS every) AS pair"
    )


def in_base(minor: str, currency: str, rate: str, base: str) -> str:
    """HogQL: smallest units of `base` for smallest units of a currency, rounded half to even.

    NULL where there is no rate; the base currency itself needs none.
    """
    return (
        f"if({currency} = '{base}', {minor}, "
        f"toInt(round({minor} / {units(currency)} * {rate} * {10 ** digits_of(base)})))"
    )


def decimal(minor: str, base: str) -> str:
    """HogQL: smallest units as an exact decimal with the base currency's digits.

    >>> decimal("cents", "USD")
    "toDecimal(cents, 2) * toDecimal('0.01', 2)"
    """
    digits = digits_of(base)
    one = "1" if not digits else f"0.{'1'.rjust(digits, '0')}"
    return f"toDecimal({minor}, {digits}) * toDecimal('{one}', {digits})"


def share(amount: str, part: str, whole: str) -> str:
    """HogQL: `amount * part / whole` rounded half to even, exact where part and whole are the same."""
    return (
        f"if({part} = {whole}, {amount}, if({amount} = {whole}, {part}, "
        f"toInt(round({amount} * ({part} / {whole})))))"
    )
