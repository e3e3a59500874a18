"""Stripe: customers, invoices, subscriptions and the money that moved, from the list endpoints of its API.

Belongs here: the objects and their types, paging, and what "new" means for a list that is newest first.
Keep out: when to read and where rows go.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import DiscoveredTable, SyncMode
from pwh_assets.errors import InvalidInputError, SourceAccessError, SourceError
from pwh_assets.sources.base import Field, Reading, ReadRequest
from pwh_assets.sources.errors import CursorTypeError, TableMissingError
from pwh_assets.sources.form import checked
from pwh_assets.sources.stripe.objects import BY_NAME, OBJECTS, StripeObject

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 5_000
APPEND_DELAY_S = 60
"""Appending leaves the last minute alone: an object of the same second could still come."""
_THREADS = 4


class Stripe:
    """One Stripe account. See docs/sources/stripe.md for tables, types and what incremental means."""

    name = "stripe"
    label = "Stripe"
    fields: Sequence[Field] = (
        Field(
            "api_key",
            "API key",
            kind="password",
            secret=True,
            help="A restricted key with read permission is enough (rk_live_…).",
        ),
        Field(
            "account_id",
            "Account",
            required=False,
            help="A connected account (acct_…), when the key belongs to a platform.",
        ),
        Field(
            "lookback_days",
            "Look back",
            kind="number",
            default=30,
            help="Incremental syncs read objects of so many days again, because they change after they were made.",
        ),
        Field(
            "base_url",
            "API address",
            default="https://api.stripe.com",
            help="Advanced: leave as it is, unless a proxy stands in front of Stripe.",
        ),
    )

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = checked(self.label, self.fields, config)
        values["api_key"] = values["api_key"].strip()
        if not re.fullmatch(r"[!-~]{8,}", values["api_key"]):
            raise InvalidInputError(
                "api_key", "`api_key` is not a key. Copy it whole from Developers > API keys."
            )
        if values["account_id"] and not re.fullmatch(r"acct_\w+", values["account_id"]):
            raise InvalidInputError(
                "account_id",
                "`account_id` must look like `acct_…`. Leave it out for your own account.",
            )
        if not 0 <= values["lookback_days"] <= 3650:
            raise InvalidInputError("lookback_days", "`lookback_days` must be between 0 and 3650.")
        values["base_url"] = values["base_url"].rstrip("/")
        if not re.fullmatch(r"https?://[^/?#\s@]+(/[^?#\s]*)?", values["base_url"]):
            raise InvalidInputError(
                "base_url", f"`base_url` is `{values['base_url']}`; it must be an http(s) address."
            )
        return values

    def test_connection(self, config: Mapping[str, Any]) -> None:
        from pwh_assets.sources.stripe.api import StripeApi

        StripeApi(config, attempts=3).check()

    def tables(self, config: Mapping[str, Any]) -> list[DiscoveredTable]:
        """Every object the key may list."""
        self.test_connection(config)
        with ThreadPoolExecutor(_THREADS) as pool:
            may = list(pool.map(lambda kind: _may_list(config, kind), OBJECTS))
        found = [_discovered(kind) for kind, ok in zip(OBJECTS, may, strict=True) if ok]
        if not found:
            raise SourceAccessError(
                "Stripe lets this key list nothing. Give the restricted key read permissions."
            )
        return found

    def read(self, config: Mapping[str, Any], request: ReadRequest) -> Reading:
        import dlt

        kind = BY_NAME.get(request.table)
        if kind is None:
            raise TableMissingError(request.table, "Stripe")
        if request.mode is not SyncMode.FULL and (
            request.cursor != "created" or not kind.has_created
        ):
            raise CursorTypeError(
                kind.name, request.cursor or "", "not what Stripe's lists go by", "`created`"
            )
        reader = _Reader(config, request, kind)
        return Reading(
            dlt.resource(reader.batches(), name=request.table),
            kind.columns,
            lambda: reader.watermark,
        )

    def probe(
        self, config: Mapping[str, Any], requests: Sequence[ReadRequest]
    ) -> dict[str, str | None]:
        """The newest object's id. A change of an older object does not show here."""
        kinds = [BY_NAME[request.table] for request in requests if request.table in BY_NAME]
        with ThreadPoolExecutor(_THREADS) as pool:
            newest = list(pool.map(lambda kind: _newest_id(config, kind), kinds))
        return {
            kind.name: found for kind, found in zip(kinds, newest, strict=True) if found is not None
        }


class _Reader:
    """Reads one object's list once."""

    def __init__(self, config: Mapping[str, Any], request: ReadRequest, kind: StripeObject) -> None:
        self._config, self._request, self._kind = config, request, kind
        self.watermark: str | None = None

    def batches(self) -> Iterator["pa.Table"]:
        """Arrow tables. Objects made while we page appear at the head, before our first page:
        the watermark is the newest of what we saw, so the next sync begins with them.
        """
        from pwh_assets.sources.stripe.api import StripeApi
        from pwh_assets.sources.stripe.rows import RowBuilder

        builder = RowBuilder(self._kind)
        waiting: list[dict[str, Any]] = []
        newest: int | None = None
        for page in StripeApi(self._config).pages(self._kind, self._params()):
            for one in page:
                if isinstance(one.get("created"), int):
                    newest = max(newest or 0, one["created"])
            waiting += page
            if len(waiting) >= BATCH:
                yield builder.table(waiting)
                waiting = []
        if waiting:
            yield builder.table(waiting)
        if self._request.mode is not SyncMode.FULL:
            self.watermark = self._later(newest)

    def _params(self) -> dict[str, str]:
        if self._request.mode is SyncMode.FULL:
            return {}
        since = _seconds(self._request.since)
        if self._request.mode is SyncMode.APPEND:
            upper = int(datetime.now(UTC).timestamp()) - APPEND_DELAY_S
            lower = {} if since is None else {"created[gt]": str(since)}
            return {"created[lte]": str(upper), **lower}
        if since is None:
            return {}
        return {"created[gte]": str(max(0, since - 86_400 * self._config["lookback_days"]))}

    def _later(self, newest: int | None) -> str | None:
        since = _seconds(self._request.since)
        seen = [moment for moment in (newest, since) if moment is not None]
        return (
            datetime.fromtimestamp(max(seen), UTC).strftime("%Y-%m-%d %H:%M:%S") if seen else None
        )


def _seconds(watermark: str | None) -> int | None:
    """Unix time of a watermark: `2024-05-01 12:00:00` (UTC), or the number itself."""
    if watermark is None:
        return None
    if watermark.isdecimal():
        return int(watermark)
    moment = datetime.fromisoformat(watermark)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _discovered(kind: StripeObject) -> DiscoveredTable:
    return DiscoveredTable(
        name=kind.name,
        columns=kind.columns,
        primary_key=("id",),
        cursors=("created",) if kind.has_created else (),
        description=kind.description,
        modes=tuple(SyncMode) if kind.has_created else (SyncMode.FULL,),
    )


def _may_list(config: Mapping[str, Any], kind: StripeObject) -> bool:
    """False when the key may not, or this account has no such list; other troubles are raised."""
    from pwh_assets.sources.stripe.api import StripeApi

    try:
        StripeApi(config, attempts=3).newest(kind)
    except SourceError as error:
        if error.retryable:
            raise
        return False
    return True


def _newest_id(config: Mapping[str, Any], kind: StripeObject) -> str | None:
    from pwh_assets.sources.stripe.api import StripeApi

    try:
        newest = StripeApi(config, attempts=2).newest(kind)
    except SourceError:
        return None
    return str(newest["id"]) if newest and "id" in newest else ""


SOURCE = Stripe()
