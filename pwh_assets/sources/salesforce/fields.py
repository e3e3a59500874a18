"""Objects of Salesforce and the types of their fields, as the organisation itself describes them.

Types: https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pwh_assets.core.source import Column, DiscoveredTable, SyncMode
from pwh_assets.sources.cursors import ranked

STANDARD = (
    "Account",
    "Campaign",
    "CampaignMember",
    "Case",
    "Contact",
    "Contract",
    "Event",
    "Lead",
    "Opportunity",
    "OpportunityContactRole",
    "OpportunityHistory",
    "OpportunityLineItem",
    "OpportunityStage",
    "Order",
    "OrderItem",
    "Pricebook2",
    "PricebookEntry",
    "Product2",
    "Quote",
    "QuoteLineItem",
    "RecordType",
    "Task",
    "User",
    "UserRole",
)
"""What is offered of the thousand objects an organisation has; its own (`…__c`) are offered too."""

CURSORS = ("SystemModstamp", "LastModifiedDate", "CreatedDate")
_LEFT_OUT = ("address", "location", "base64", "complexvalue")
"""Compounds, whose parts are fields of their own, and contents of files."""
_TYPES = {
    "boolean": "BOOLEAN",
    "int": "BIGINT",
    "long": "BIGINT",
    "date": "DATE",
    "datetime": "TIMESTAMP WITH TIME ZONE",
    "json": "JSON",
}
_NUMBERS = ("double", "currency", "percent")


@dataclass(frozen=True, slots=True)
class SalesforceObject:
    """One object with the fields the user may read."""

    name: str
    label: str
    fields: tuple[tuple[str, str, str], ...]
    """Name, lake type, label."""

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> "SalesforceObject":
        return cls(
            described["name"],
            described.get("label") or "",
            tuple(
                (field["name"], lake_type(field), field.get("label") or "")
                for field in described["fields"]
                if field["type"] not in _LEFT_OUT
            ),
        )

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(Column(name, kind, name != "Id", label) for name, kind, label in self.fields)

    @property
    def cursors(self) -> tuple[str, ...]:
        known = {name for name, *_ in self.fields}
        first = tuple(name for name in CURSORS if name in known)
        instants = [
            (name, "instant", True)
            for name, kind, _ in self.fields
            if kind == "TIMESTAMP WITH TIME ZONE" and name not in first
        ]
        return (*first, *ranked(instants)) if first else ()

    def discovered(self) -> DiscoveredTable:
        modes = (SyncMode.FULL, SyncMode.INCREMENTAL, SyncMode.APPEND)
        return DiscoveredTable(
            name=self.name,
            columns=self.columns,
            primary_key=("Id",),
            cursors=self.cursors,
            description=self.label,
            modes=modes if self.cursors else (SyncMode.FULL,),
        )


def lake_type(field: Mapping[str, Any]) -> str:
    """Numbers with as many digits after the point as the field has; what has no type of ours is text.

    >>> lake_type({"type": "currency", "precision": 18, "scale": 2}), lake_type({"type": "picklist"})
    ('DECIMAL(38,2)', 'VARCHAR')
    """
    kind = str(field["type"])
    if kind in _NUMBERS:
        scale = int(field.get("scale") or 0)
        return f"DECIMAL(38,{scale})" if scale <= 18 else "DOUBLE"
    return _TYPES.get(kind, "VARCHAR")


def is_offered(described: Mapping[str, Any]) -> bool:
    """Of the list of all objects: queryable ones that hold business data."""
    name = str(described["name"])
    return bool(described.get("queryable")) and (name in STANDARD or name.endswith("__c"))
