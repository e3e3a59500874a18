"""Google Ads: one account's campaigns, ads and keywords, and their numbers per day, by the REST form of its API.

Belongs here: the resources, their fields, and how far back numbers still change.
Keep out: signing in (`sources/google`), when to read and where rows go.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pwh_assets.core.source import DiscoveredTable, SyncMode
from pwh_assets.errors import InvalidInputError, SourceAccessError, SourceError
from pwh_assets.sources.base import Field, Reading, ReadRequest
from pwh_assets.sources.errors import CursorTypeError, TableMissingError
from pwh_assets.sources.form import checked
from pwh_assets.sources.google.auth import (
    KEY_FIELD,
    TOKEN_FIELDS,
    authorizer,
    check_sign_in,
    parsed_key,
    secrets_of,
)
from pwh_assets.sources.google_ads.resources import BY_NAME, DAY, RESOURCES, Resource, column
from pwh_assets.sources.http import Answer, Api, Limits, RowBuilder, ahead

if TYPE_CHECKING:
    import pyarrow as pa

BASE_URL = "https://googleads.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/adwords"
CURSOR = column(DAY)
WINDOW = timedelta(days=90)
"""Days per query, so that no answer is endless and a page token does not grow old."""
_CUSTOMER = re.compile(r"\d{10}")


class GoogleAds:
    """One account. See docs/sources/google_ads.md for tables and what incremental means."""

    name = "google_ads"
    label = "Google Ads"
    fields: Sequence[Field] = (
        Field("customer_id", "Account", help="Ten digits, as 123-456-7890."),
        Field("login_customer_id", "Manager account", required=False),
        Field("developer_token", "Developer token", kind="password", secret=True),
        *TOKEN_FIELDS,
        KEY_FIELD,
        Field(
            "history_days",
            "History",
            kind="number",
            default=730,
            help="How many days of numbers the first sync reads.",
        ),
        Field(
            "lookback_days",
            "Look back",
            kind="number",
            default=30,
            help="Conversions are counted late: so many days are read again by every sync.",
        ),
        Field("api_version", "API version", default="v23"),
        Field("base_url", "API address", default=BASE_URL, help="Advanced: leave as it is."),
    )

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = checked(self.label, self.fields, config)
        for name in ("customer_id", "login_customer_id"):
            if values[name] is not None:
                values[name] = values[name].replace("-", "")
                if not _CUSTOMER.fullmatch(values[name]):
                    raise InvalidInputError(name, f"`{name}` must be ten digits: 123-456-7890.")
        if not re.fullmatch(r"v\d{1,3}", values["api_version"]):
            raise InvalidInputError("api_version", "`api_version` looks like `v23`.")
        for name, most in (("history_days", 4000), ("lookback_days", 90)):
            if not 0 <= values[name] <= most:
                raise InvalidInputError(name, f"`{name}` must be between 0 and {most}.")
        values["service_account"] = parsed_key(values["service_account"])
        check_sign_in(self.label, values)
        return values

    def test_connection(self, config: Mapping[str, Any]) -> None:
        next(_pages(_api(config), config, "SELECT customer.id FROM customer LIMIT 1"), None)

    def tables(self, config: Mapping[str, Any]) -> list[DiscoveredTable]:
        self.test_connection(config)
        daily = (SyncMode.FULL, SyncMode.INCREMENTAL)
        return [
            DiscoveredTable(
                name=one.name,
                columns=one.columns,
                primary_key=one.primary_key,
                cursors=(CURSOR,) if one.is_daily else (),
                description=one.description,
                modes=daily if one.is_daily else (SyncMode.FULL,),
            )
            for one in RESOURCES
        ]

    def read(self, config: Mapping[str, Any], request: ReadRequest) -> Reading:
        resource = BY_NAME.get(request.table)
        if resource is None:
            raise TableMissingError(request.table, "Google Ads")
        if request.mode is not SyncMode.FULL and (
            not resource.is_daily or request.cursor != CURSOR or request.mode is SyncMode.APPEND
        ):
            raise CursorTypeError(
                resource.name,
                request.cursor or "",
                "not what Google Ads' numbers go by",
                f"`{CURSOR}` in mode `incremental`",
            )
        reader = _Reader(config, request, resource)
        return Reading(None, resource.columns, lambda: reader.watermark, batches=reader.batches())

    def probe(
        self, config: Mapping[str, Any], requests: Sequence[ReadRequest]
    ) -> dict[str, str | None]:
        """Nothing: numbers change all the time, entities without a trace."""
        return {}


class _Reader:
    """Reads one table once. The watermark is yesterday: today's numbers are not all there."""

    def __init__(self, config: Mapping[str, Any], request: ReadRequest, resource: Resource) -> None:
        self._config, self._request, self._resource = config, request, resource
        self._api = _api(config)
        types = {one.name: one.type for one in resource.columns}
        self._builder = RowBuilder(f"Google Ads' {resource.name}", types, key=next(iter(types)))
        self.watermark: str | None = None

    def batches(self) -> "Iterator[pa.Table]":
        today = datetime.now(UTC).date()
        for query in self._queries(today):
            for page in ahead(_pages(self._api, self._config, query)):
                if page:
                    yield self._builder.table([_row(self._resource, one) for one in page])
        if self._request.mode is SyncMode.INCREMENTAL:
            before = self._request.since or ""
            self.watermark = max(before, str(today - timedelta(days=1)))

    def _queries(self, today: date) -> Iterator[str]:
        select = f"SELECT {', '.join(self._resource.fields)} FROM {self._resource.resource}"
        if not self._resource.is_daily:
            yield select
            return
        first = today - timedelta(days=self._config["history_days"])
        if self._request.mode is SyncMode.INCREMENTAL and self._request.since:
            since = date.fromisoformat(self._request.since[:10])
            first = max(first, since - timedelta(days=self._config["lookback_days"]))
        last = today + timedelta(days=1)  # the account's zone may be ahead of ours
        while first <= last:
            end = min(first + WINDOW, last)
            yield f"{select} WHERE {DAY} BETWEEN '{first}' AND '{end}'"
            first = end + timedelta(days=1)


def _api(config: Mapping[str, Any]) -> Api:
    place = f"Google Ads account `{config['customer_id']}`"
    own = config["base_url"] if config["base_url"] != BASE_URL else None
    headers = {"developer-token": str(config["developer_token"])}
    if config.get("login_customer_id"):
        headers["login-customer-id"] = str(config["login_customer_id"])
    return Api(
        place,
        config["base_url"],
        config,
        headers=headers,
        authorize=authorizer(config, SCOPE, own, place),
        secrets=[*secrets_of(config), str(config["developer_token"])],
        account=str(config["customer_id"]),
        limits=Limits(per_second=5, burst=5),
        refusal=lambda answer, said: _refusal(place, answer, said),
    )


def _refusal(place: str, answer: Answer, said: str) -> SourceError | None:
    if answer.status in (401, 403):
        return SourceAccessError(
            f"{place} may not be read: {said} Check the developer token, `login_customer_id`, and that the signed-in "
            "user has access to the account."
        )
    if answer.status == 404:
        return SourceError(
            f"{place}: this version of the API is gone: {said} Set `api_version` to one in use."
        )
    return None


def _pages(api: Api, config: Mapping[str, Any], query: str) -> Iterator[list[dict[str, Any]]]:
    path = f"/{config['api_version']}/customers/{config['customer_id']}/googleAds:search"
    token = None
    while True:
        answer = api.post(path, {"query": query, **({"pageToken": token} if token else {})})
        yield answer.get("results") or []
        token = answer.get("nextPageToken")
        if not token:
            return


def _row(resource: Resource, result: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a result, which the API spells in camel case and leaves out when they have no value."""
    row = {}
    for field in resource.fields:
        value: Any = result
        for word in field.split("."):
            value = value.get(_camel(word)) if isinstance(value, dict) else None
        row[column(field)] = _zero(field) if value is None else value
    return row


def _zero(field: str) -> int | None:
    """A number that is zero is left out of an answer."""
    return 0 if field.startswith("metrics.") else None


def _camel(word: str) -> str:
    first, *rest = word.split("_")
    return first + "".join(one.capitalize() for one in rest)


SOURCE = GoogleAds()
