"""Property definitions: what properties hold, learned from rows or said by somebody."""

from dataclasses import dataclass

from pwh_assets.core.language import PropertyDefinition, PropertyKind, PropertyType
from pwh_assets.errors import InvalidInputError
from pwh_assets.services.platform import Platform

SAMPLE_ROWS = 50_000
MOST = 5_000
"""Properties learned for a kind; those seen most often."""

_TABLES = {
    PropertyKind.EVENT: "lake.product.events",
    PropertyKind.PERSON: "lake.product.persons",
    PropertyKind.GROUP: "lake.product.groups",
}
_NEWEST = {
    PropertyKind.EVENT: '"timestamp" DESC',
    PropertyKind.PERSON: "created_at DESC",
    PropertyKind.GROUP: "updated_at DESC",
}


@dataclass(frozen=True, slots=True)
class Learned:
    """What one look came to: properties seen, and definitions that are new or another type now."""

    seen: int
    changed: int


def learn_properties(platform: Platform, project_id: int, rows: int = SAMPLE_ROWS) -> Learned:
    """Look at the newest rows of events, persons and groups and keep what their properties hold.

    Numeric, Boolean or DateTime only where every value is; else String. What somebody set stays.
    """
    found: list[PropertyDefinition] = []
    with platform.lakes.of(project_id).read() as connection:
        for kind in PropertyKind:
            sample = (
                f"SELECT properties FROM {_TABLES[kind]} ORDER BY {_NEWEST[kind]} LIMIT {int(rows)}"
            )
            answer = connection.execute(_LEARN.format(sample=sample, most=MOST)).fetchall()
            found += [PropertyDefinition(kind, name, PropertyType(type_)) for name, type_ in answer]
    changed = platform.store.save_property_definitions(project_id, found)
    return Learned(len(found), changed)


_LEARN = """
WITH sample AS ({sample}),
pairs AS (SELECT unnest(json_keys(properties)) AS name, properties FROM sample
          WHERE json_type(properties) = 'OBJECT'),
leaves AS (SELECT name, json_extract(properties, '$."' || replace(name, '"', '\\"') || '"') AS value FROM pairs
           WHERE length(name) BETWEEN 1 AND 400),
kinds AS (SELECT name, json_type(value) AS kind, value ->> '$' AS text FROM leaves)
SELECT name, CASE
    WHEN bool_and(kind IN ('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE')) THEN 'Numeric'
    WHEN bool_and(kind = 'BOOLEAN' OR lower(text) IN ('true', 'false')) THEN 'Boolean'
    WHEN bool_and(kind = 'VARCHAR' AND regexp_matches(text, '^\\d{{4}}-\\d\\d-\\d\\d([T ]\\d\\d:\\d\\d|$)')
                  AND TRY_CAST(text AS TIMESTAMPTZ) IS NOT NULL) THEN 'DateTime'
    ELSE 'String' END
FROM kinds WHERE kind <> 'NULL' GROUP BY name ORDER BY count(*) DESC, name LIMIT {most}
"""


def set_property(
    platform: Platform, project_id: int, kind: str, name: str, type_: str
) -> PropertyDefinition:
    """Say what a property holds; learning leaves it alone from then on.

    Raises:
        InvalidInputError: there is no such kind or type, or the name is empty or too long.
    """
    if not 1 <= len(name) <= 400:
        raise InvalidInputError("name", "A property's name has 1 to 400 characters.")
    made = PropertyDefinition(_kind(kind), name, _type(type_), is_set=True)
    platform.store.save_property_definitions(project_id, [made])
    return made


def forget_property(platform: Platform, project_id: int, kind: str, name: str) -> None:
    """Remove a definition; the property is text again until it is learned. Raises NotFoundError."""
    platform.store.delete_property_definition(project_id, _kind(kind), name)


def _kind(text: str) -> PropertyKind:
    try:
        return PropertyKind(text.lower())
    except ValueError:
        raise InvalidInputError(
            "kind", f"`{text}` is no kind of property; there are event, person and group."
        ) from None


def _type(text: str) -> PropertyType:
    for known in PropertyType:
        if known.value.lower() == text.lower():
            return known
    raise InvalidInputError(
        "type", f"`{text}` is no type; there are String, Numeric, Boolean and DateTime."
    )
