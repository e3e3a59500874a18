"""Google Sheets: the tabs of a spreadsheet, each with its first row as the header."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pwh_assets.core.source import Column, DiscoveredTable, SyncMode
from pwh_assets.errors import InvalidInputError, SourceAccessError, SourceError
from pwh_assets.sources.base import Field, Reading, ReadRequest
from pwh_assets.sources.errors import TableMissingError
from pwh_assets.sources.form import checked
from pwh_assets.sources.google.auth import (
    KEY_FIELD,
    TOKEN_FIELDS,
    authorizer,
    check_sign_in,
    parsed_key,
    secrets_of,
)
from pwh_assets.sources.http import Answer, Api, Limits, RowBuilder
from pwh_assets.sources.http.rows import inferred

if TYPE_CHECKING:
    import pyarrow as pa

BASE_URL = "https://sheets.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/spreadsheets.readonly"
PER_SECOND = 1
"""Google allows 60 reads a minute and user."""
WINDOW = 20_000
"""Rows per call."""
_ID = re.compile(r"(?:https://docs\.google\.com/spreadsheets/d/)?([A-Za-z0-9_-]{5,})(?:/.*)?")
ROW = "_row_number"


class GoogleSheets:
    """One spreadsheet. See docs/sources/google_sheets.md for headers and types."""

    name = "google_sheets"
    label = "Google Sheets"
    fields: Sequence[Field] = (
        Field("spreadsheet", "Spreadsheet", help="Its address, or the id in it."),
        KEY_FIELD,
        *TOKEN_FIELDS,
        Field("base_url", "API address", default=BASE_URL, help="Advanced: leave as it is."),
    )

    def validate(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = checked(self.label, self.fields, config)
        found = _ID.fullmatch(values["spreadsheet"])
        if not found:
            raise InvalidInputError(
                "spreadsheet",
                f"`spreadsheet` is `{values['spreadsheet'][:100]}`; give the address in the browser.",
            )
        values["spreadsheet"] = found[1]
        values["service_account"] = parsed_key(values["service_account"])
        check_sign_in(self.label, values)
        return values

    def test_connection(self, config: Mapping[str, Any]) -> None:
        _titles(_api(config), config)

    def tables(self, config: Mapping[str, Any]) -> list[DiscoveredTable]:
        api = _api(config)
        return [
            DiscoveredTable(
                name=title,
                columns=_columns(*_split(_values(api, config, title, 1, 200))),
                primary_key=(),
                description=f"The tab {title}.",
                modes=(SyncMode.FULL,),
            )
            for title in _titles(api, config)
        ]

    def read(self, config: Mapping[str, Any], request: ReadRequest) -> Reading:
        api = _api(config)
        if request.table not in _titles(api, config):
            raise TableMissingError(request.table, f"spreadsheet `{config['spreadsheet']}`")
        names, rows = _split(_whole(api, config, request.table))
        columns = _columns(names, rows)
        return Reading(
            None, columns, lambda: None, batches=_batches(names, rows, columns, request.batch_rows)
        )

    def probe(
        self, config: Mapping[str, Any], requests: Sequence[ReadRequest]
    ) -> dict[str, str | None]:
        """Nothing: this API does not tell when a spreadsheet changed."""
        return {}


def _api(config: Mapping[str, Any]) -> Api:
    place = f"Google Sheets, spreadsheet `{config['spreadsheet']}`"
    own = config["base_url"] if config["base_url"] != BASE_URL else None
    return Api(
        place,
        config["base_url"],
        config,
        authorize=authorizer(config, SCOPE, own, place),
        secrets=secrets_of(config),
        account=str(config["spreadsheet"]),
        limits=Limits(per_second=PER_SECOND, burst=60),
        refusal=lambda answer, said: _refusal(place, answer, said),
    )


def _refusal(place: str, answer: Answer, said: str) -> SourceError | None:
    if answer.status not in (403, 404):
        return None
    return SourceAccessError(
        f"{place} cannot be opened: {said} Share it with the service account's e-mail address, as a viewer, and "
        "switch the Sheets API on in its project."
    )


def _titles(api: Api, config: Mapping[str, Any]) -> list[str]:
    found = api.get(
        f"/v4/spreadsheets/{config['spreadsheet']}",
        {"fields": "sheets.properties(title,sheetType)"},
    )
    return [
        str(one["properties"]["title"])
        for one in found.get("sheets", ())
        if one["properties"].get("sheetType", "GRID") == "GRID"
    ]


def _values(
    api: Api, config: Mapping[str, Any], title: str, first: int, last: int
) -> list[list[Any]]:
    place = quote(f"'{title.replace(chr(39), chr(39) * 2)}'!A{first}:ZZZ{last}", safe="")
    answer = api.get(
        f"/v4/spreadsheets/{config['spreadsheet']}/values/{place}",
        {
            "majorDimension": "ROWS",
            "valueRenderOption": "UNFORMATTED_VALUE",
            "dateTimeRenderOption": "FORMATTED_STRING",
        },
    )
    return [list(row) for row in answer.get("values", ())]


def _whole(api: Api, config: Mapping[str, Any], title: str) -> list[list[Any]]:
    """All rows; a tab ends where Google says so, by refusing the rows after its last."""
    found: list[list[Any]] = []
    size = _row_count(api, config, title)
    for first in range(1, size + 1, WINDOW):
        last = min(first + WINDOW - 1, size)
        rows = _values(api, config, title, first, last)
        found += rows
        if last < size:
            found += [[] for _ in range(last - first + 1 - len(rows))]
    return found


def _row_count(api: Api, config: Mapping[str, Any], title: str) -> int:
    found = api.get(
        f"/v4/spreadsheets/{config['spreadsheet']}",
        {"fields": "sheets.properties(title,gridProperties.rowCount)"},
    )
    for one in found.get("sheets", ()):
        if one["properties"]["title"] == title:
            return int(one["properties"].get("gridProperties", {}).get("rowCount", 0))
    return 0


def _split(values: list[list[Any]]) -> tuple[list[str], list[tuple[int, list[Any]]]]:
    """The header's names, and the rows that are not empty with their numbers in the sheet."""
    if not values:
        return [], []
    width = max(map(len, values))
    names: list[str] = []
    for place in range(width):
        cell = values[0][place] if place < len(values[0]) else ""
        wanted = str(cell).strip() or f"column_{place + 1}"
        name, number = wanted, 1
        while name.lower() in (other.lower() for other in (*names, ROW)):
            number += 1
            name = f"{wanted}_{number}"
        names.append(name)
    rows = [
        (number, row)
        for number, row in enumerate(values[1:], 2)
        if any(cell not in ("", None) for cell in row)
    ]
    return names, rows


def _columns(names: list[str], rows: list[tuple[int, list[Any]]]) -> tuple[Column, ...]:
    """Each column in the narrowest type that holds all its cells."""
    ours = Column(ROW, "BIGINT", False, "The row's number in the sheet.")
    found = [
        Column(name, inferred([_cell(row, place) for _, row in rows]))
        for place, name in enumerate(names)
    ]
    return (*found, ours) if names else ()


def _cell(row: list[Any], place: int) -> Any:
    value = row[place] if place < len(row) else None
    return None if value == "" else value


def _batches(
    names: list[str],
    rows: list[tuple[int, list[Any]]],
    columns: tuple[Column, ...],
    size: int,
) -> "Iterator[pa.Table]":
    builder = RowBuilder("A row of the sheet", {one.name: one.type for one in columns}, key=ROW)
    for first in range(0, len(rows), size):
        yield builder.table(
            [
                {**{name: _cell(row, i) for i, name in enumerate(names)}, ROW: number}
                for number, row in rows[first : first + size]
            ]
        )


SOURCE = GoogleSheets()
