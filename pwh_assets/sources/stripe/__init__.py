"""Stripe: customers, invoices, subscriptions and the money that moved, from the list endpoints of its API.

Belongs here: the objects and their types, paging, and what "new" means for a list that is newest first.
Keep out: when to read and where rows go.
"""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pwh_assets.core.source import DiscoveredTable, SyncMode
from pwh_assets.errors import InvalidInputError, SourceAccessError, SourceError
from pwh_assets.sources.base import Delivery, Field, Reading, ReadRequest
from pwh_assets.sources.errors import CursorTypeError, TableMissingError
from pwh_assets.sources.form import checked, web_address
from pwh_assets.sources.stripe.objects import BY_NAME, OBJECTS, StripeObject

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
            help="Where events tell no changes, incremental syncs read objects of so many days again.",
        ),
        Field(
            "webhook_secret",
            "Webhook signing secret",
            kind="password",
            required=False,
            secret=True,
            help="For tables in mode `webhook`: the endpoint's whsec_…; two, with a comma, while one replaces the other.",
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
        values["base_url"] = web_address("base_url", values["base_url"])
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
        from pwh_assets.sources.stripe.reading import Reader

        kind = BY_NAME.get(request.table)
        if kind is None:
            raise TableMissingError(request.table, "Stripe")
        if request.mode is not SyncMode.FULL and (
            request.cursor != kind.cursor or not kind.has_created
        ):
            raise CursorTypeError(
                kind.name, request.cursor or "", "not what Stripe's lists go by", f"`{kind.cursor}`"
            )
        reader = Reader(config, request, kind)
        return Reading(None, kind.columns, lambda: reader.watermark, batches=reader.batches())

    def receive(
        self, config: Mapping[str, Any], headers: Mapping[str, str], body: bytes
    ) -> list[Delivery]:
        from pwh_assets.sources.stripe.webhooks import received

        return received(config, headers, body)

    def probe(
        self, config: Mapping[str, Any], requests: Sequence[ReadRequest]
    ) -> dict[str, str | None]:
        """The newest object, and the newest event where the key may see events."""
        kinds = [BY_NAME[request.table] for request in requests if request.table in BY_NAME]
        with ThreadPoolExecutor(_THREADS) as pool:
            newest = list(pool.map(lambda kind: _newest(config, kind), kinds))
        return {
            kind.name: found for kind, found in zip(kinds, newest, strict=True) if found is not None
        }


def _discovered(kind: StripeObject) -> DiscoveredTable:
    return DiscoveredTable(
        name=kind.name,
        columns=kind.columns,
        primary_key=("id",),
        cursors=(kind.cursor,) if kind.has_created else (),
        description=kind.description,
        modes=_modes(kind),
    )


def _may_list(config: Mapping[str, Any], kind: StripeObject) -> bool:
    """False when the key may not, or this account has no such list; other troubles are raised."""
    from pwh_assets.sources.stripe.api import StripeApi

    try:
        StripeApi(config, attempts=3).newest(BY_NAME.get(kind.parent, kind))
    except SourceError as error:
        if error.retryable:
            raise
        return False
    return True


def _modes(kind: StripeObject) -> tuple[SyncMode, ...]:
    if not kind.has_created:
        return (SyncMode.FULL,)
    listed = BY_NAME[kind.parent] if kind.parent else kind
    told = (SyncMode.WEBHOOK,) if listed.events else ()
    return (SyncMode.FULL, SyncMode.INCREMENTAL, SyncMode.APPEND, *told)


def _newest(config: Mapping[str, Any], kind: StripeObject) -> str | None:
    from pwh_assets.sources.stripe.api import StripeApi

    api, listed = StripeApi(config, attempts=2), BY_NAME.get(kind.parent, kind)
    try:
        newest = api.newest(listed)
    except SourceError:
        return None
    found = str(newest["id"]) if newest and "id" in newest else ""
    try:
        told = next(api.events(listed.events, 0), None) if listed.events else None
    except SourceError:
        told = None
    return f"{found} {told['id']}" if told and "id" in told else found


SOURCE = Stripe()
