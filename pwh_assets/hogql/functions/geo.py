"""Places on earth: distances, shapes, geohashes and H3 cells."""

from pwh_assets.hogql.functions.base import Call, Handler, Row, Unsupported, family
from pwh_assets.hogql.functions.sqltext import filled
from pwh_assets.hogql.types import (
    BOOLEAN,
    FLOAT,
    INTEGER,
    STRING,
    array,
    tuple_,
)

geo = family("geo")

_PI = "0.017453292519943295"

_RADIUS = "6371008.77141"

_HAVERSINE = f"(pow(sin(({{d}} - {{b}}) * {_PI} / 2), 2) + cos({{b}} * {_PI}) * cos({{d}} * {_PI}) * pow(sin(({{c}} - {{a}}) * {_PI} / 2), 2))"


def _earth(template: str) -> Handler:
    """Of two places as longitude and latitude; the same formula on both engines."""

    def handler(call: Call, /) -> str:
        float_ = "CAST({} AS DOUBLE)" if call.engine == "duckdb" else "toFloat64({})"
        places = zip("abcd", call.args, strict=False)
        return filled(template, **{letter: float_.format(arg.sql) for letter, arg in places})

    return handler


def _ellipses(call: Call, /) -> str:
    x, y, *rest = (arg.sql for arg in call.args)
    if len(rest) % 4:
        raise ValueError("it takes a point and for each ellipse a centre and two half axes.")

    def cast(sql: str) -> str:
        return f"CAST({sql} AS DOUBLE)" if call.engine == "duckdb" else f"toFloat64({sql})"

    tests = [
        f"(pow(({x} - {cx}) / {cast(a)}, 2) + pow(({y} - {cy}) / {cast(b)}, 2) <= 1)"
        for cx, cy, a, b in zip(*[iter(rest)] * 4, strict=True)
    ]
    return "(" + " OR ".join(tests) + ")"


def _polygon(call: Call, /) -> str:
    point, polygon, *holes = call.args
    if call.engine == "clickhouse":
        return f"pointInPolygon({', '.join(arg.sql for arg in call.args)})"
    if holes:
        raise ValueError("holes in a polygon are not known there.")
    x, y = (f"CAST(struct_extract_at({point.sql}, {i}) AS DOUBLE)" for i in (1, 2))
    p = polygon.sql
    nxt = "CASE WHEN __i = len(__ring) THEN 1 ELSE __i + 1 END"
    crosses = (
        f"list_filter(__ring, lambda __a, __i: (struct_extract_at(__a, 2) > {y}) <> (struct_extract_at(__ring[{nxt}], 2) > {y}) "
        f"AND {x} < (struct_extract_at(__ring[{nxt}], 1) - struct_extract_at(__a, 1)) * ({y} - struct_extract_at(__a, 2)) "
        f"/ (struct_extract_at(__ring[{nxt}], 2) - struct_extract_at(__a, 2)) + struct_extract_at(__a, 1))"
    )
    return f"(list_transform([{p}], lambda __ring: len({crosses}) % 2 = 1)[1])"


_H3 = Unsupported("H3 cells exist in ClickHouse only.")

_RESOLUTIONS = {
    "h3EdgeAngle", "h3EdgeLengthM", "h3EdgeLengthKm", "h3HexAreaM2", "h3HexAreaKm2", "h3NumHexagons", "h3GetPentagonIndexes",
}  # fmt: skip

_PAIRS = {
    "h3IndexesAreNeighbors", "h3Line", "h3Distance", "h3GetUnidirectionalEdge",
}  # fmt: skip


def _h3(name: str, most: int) -> str:
    """ClickHouse wants cells of 64 bits without sign and resolutions of 8."""
    if name == "geoToH3":
        return "geoToH3({0}, {1}, toUInt8({2}))"
    if name.startswith("h3PointDist") or most == 0:
        return f"{name}({{*}})"
    if name == "stringToH3":
        return "stringToH3({0})"
    if name in _RESOLUTIONS:
        return f"{name}(toUInt8({{0}}))"
    if most == 1:
        return f"{name}(toUInt64({{0}}))"
    second = (
        "toUInt64({1})" if name in _PAIRS else "toUInt16({1})" if "Ring" in name else "toUInt8({1})"
    )
    return f"{name}(toUInt64({{0}}), {second})"


_GEOHASH = Unsupported("geohashes exist in ClickHouse only.")

_CELL = "630814730351855103"

ROWS: tuple[Row, ...] = (
    geo(
        "greatCircleDistance",
        (4, 4),
        FLOAT,
        "Metres between two places on a ball: longitude and latitude of each.",
        _earth(f"(2 * {_RADIUS} * asin(sqrt({_HAVERSINE})))"),
        _earth(f"(2 * {_RADIUS} * asin(sqrt({_HAVERSINE})))"),
        ("round(greatCircleDistance(0, 0, 1, 1))", 157250.0),
    ),
    geo(
        "greatCircleAngle",
        (4, 4),
        FLOAT,
        "Degrees between two places on a ball.",
        _earth(f"(2 * asin(sqrt({_HAVERSINE})) / {_PI})"),
        _earth(f"(2 * asin(sqrt({_HAVERSINE})) / {_PI})"),
        ("round(greatCircleAngle(0, 0, 90, 0))", 90.0),
    ),
    geo(
        "geoDistance",
        (4, 4),
        FLOAT,
        "Metres between two places on the WGS-84 ellipsoid.",
        Unsupported("its ellipsoid is in ClickHouse only; use greatCircleDistance."),
        "geoDistance(toFloat64({0}), toFloat64({1}), toFloat64({2}), toFloat64({3}))",
        ("round(geoDistance(0, 0, 1, 1))", 156896.0),
    ),
    geo(
        "pointInEllipses",
        (6, None),
        BOOLEAN,
        "Whether a point lies in one of the ellipses.",
        _ellipses,
        _ellipses,
        ("pointInEllipses(1, 1, 0, 0, 2, 2)", True),
        ("pointInEllipses(3, 1, 0, 0, 2, 2)", False),
    ),
    geo(
        "pointInPolygon",
        (2, None),
        BOOLEAN,
        "Whether a point lies in a polygon.",
        _polygon,
        _polygon,
        ("pointInPolygon((3., 3.), [(6, 0), (8, 4), (5, 8), (0, 2)])", True),
        ("pointInPolygon((9., 9.), [(6, 0), (8, 4), (5, 8), (0, 2)])", False),
    ),
    geo(
        "geohashEncode",
        (2, 3),
        STRING,
        "Geohash of longitude and latitude.",
        _GEOHASH,
        "geohashEncode({*})",
        ("geohashEncode(-5.60302734375, 42.593994140625, 5)", "ezs42"),
    ),
    geo(
        "geohashDecode",
        (1, 1),
        tuple_(FLOAT, FLOAT),
        "Longitude and latitude of a geohash.",
        _GEOHASH,
        "geohashDecode({0})",
        ("round(geohashDecode('ezs42').2)", 43.0),
    ),
    geo(
        "geohashesInBox",
        (5, 5),
        array(STRING),
        "Geohashes of a box.",
        _GEOHASH,
        "geohashesInBox({*})",
        ("length(geohashesInBox(24.48, 40.56, 24.785, 40.81, 4))", 6),
    ),
    *(
        geo(name, args, returns, doc, _H3, _h3(name, args[1]), *example)
        for name, args, returns, doc, *example in (
            (
                "h3IsValid",
                (1, 1),
                BOOLEAN,
                "Whether the number is a cell.",
                (f"h3IsValid({_CELL})", True),
            ),
            (
                "h3GetResolution",
                (1, 1),
                INTEGER,
                "A cell's resolution.",
                (f"h3GetResolution({_CELL}) > 0", True),
            ),
            (
                "h3GetBaseCell",
                (1, 1),
                INTEGER,
                "A cell's base cell.",
                (f"h3GetBaseCell({_CELL}) >= 0", True),
            ),
            (
                "h3EdgeAngle",
                (1, 1),
                FLOAT,
                "Mean edge in degrees.",
                ("h3EdgeAngle(10) > 0", True),
            ),
            (
                "h3EdgeLengthM",
                (1, 1),
                FLOAT,
                "Mean edge in metres.",
                ("h3EdgeLengthM(10) > 0", True),
            ),
            (
                "h3EdgeLengthKm",
                (1, 1),
                FLOAT,
                "Mean edge in kilometres.",
                ("h3EdgeLengthKm(10) > 0", True),
            ),
            (
                "geoToH3",
                (3, 3),
                INTEGER,
                "The cell of a place.",
                ("geoToH3(37.79506683, 55.71290588, 15) > 0", True),
            ),
            (
                "h3ToGeo",
                (1, 1),
                tuple_(FLOAT, FLOAT),
                "Centre of a cell.",
                (f"h3ToGeo({_CELL}).1 > -180", True),
            ),
            (
                "h3ToGeoBoundary",
                (1, 1),
                array(tuple_(FLOAT, FLOAT)),
                "Corners of a cell.",
                ("length(h3ToGeoBoundary(644325524701193974)) > 0", True),
            ),
            (
                "h3kRing",
                (2, 2),
                array(INTEGER),
                "Cells around a cell.",
                ("length(h3kRing(644325529233966508, 1))", 7),
            ),
            (
                "h3HexAreaM2",
                (1, 1),
                FLOAT,
                "Mean area in square metres.",
                ("h3HexAreaM2(10) > 0", True),
            ),
            (
                "h3HexAreaKm2",
                (1, 1),
                FLOAT,
                "Mean area in square kilometres.",
                ("h3HexAreaKm2(10) > 0", True),
            ),
            (
                "h3IndexesAreNeighbors",
                (2, 2),
                BOOLEAN,
                "Whether two cells touch.",
                ("h3IndexesAreNeighbors(617420388351344639, 617420388352655359)", True),
            ),
            (
                "h3ToChildren",
                (2, 2),
                array(INTEGER),
                "Cells of a finer resolution in a cell.",
                ("length(h3ToChildren(599405990164561919, 6))", 7),
            ),
            (
                "h3ToParent",
                (2, 2),
                INTEGER,
                "The coarser cell around a cell.",
                ("h3ToParent(599405990164561919, 3) > 0", True),
            ),
            (
                "h3ToString",
                (1, 1),
                STRING,
                "A cell as text.",
                ("h3ToString(617420388352917503)", "89184926cdbffff"),
            ),
            (
                "stringToH3",
                (1, 1),
                INTEGER,
                "A text as a cell.",
                ("stringToH3('89184926cc3ffff') > 0", True),
            ),
            (
                "h3IsResClassIII",
                (1, 1),
                BOOLEAN,
                "Whether the resolution is of class III.",
                ("h3IsResClassIII(617420388352917503)", True),
            ),
            (
                "h3IsPentagon",
                (1, 1),
                BOOLEAN,
                "Whether the cell is a pentagon.",
                ("h3IsPentagon(644721767722457330)", False),
            ),
            (
                "h3GetFaces",
                (1, 1),
                array(INTEGER),
                "Faces a cell touches.",
                ("length(h3GetFaces(599686042433355775)) > 0", True),
            ),
            (
                "h3CellAreaM2",
                (1, 1),
                FLOAT,
                "Area of a cell in square metres.",
                ("h3CellAreaM2(579205133326352383) > 0", True),
            ),
            (
                "h3CellAreaRads2",
                (1, 1),
                FLOAT,
                "Area of a cell in square radians.",
                ("h3CellAreaRads2(579205133326352383) > 0", True),
            ),
            (
                "h3ToCenterChild",
                (2, 2),
                INTEGER,
                "The central finer cell.",
                ("h3ToCenterChild(577023702256844799, 1) > 0", True),
            ),
            (
                "h3ExactEdgeLengthM",
                (1, 1),
                FLOAT,
                "Length of an edge in metres.",
                ("h3ExactEdgeLengthM(1310277011704381439) > 0", True),
            ),
            (
                "h3ExactEdgeLengthKm",
                (1, 1),
                FLOAT,
                "Length of an edge in kilometres.",
                ("h3ExactEdgeLengthKm(1310277011704381439) > 0", True),
            ),
            (
                "h3ExactEdgeLengthRads",
                (1, 1),
                FLOAT,
                "Length of an edge in radians.",
                ("h3ExactEdgeLengthRads(1310277011704381439) > 0", True),
            ),
            (
                "h3NumHexagons",
                (1, 1),
                INTEGER,
                "Number of cells of a resolution.",
                ("h3NumHexagons(3)", 41162),
            ),
            (
                "h3PointDistM",
                (4, 4),
                FLOAT,
                "Metres between two places.",
                ("h3PointDistM(-10.0, 0.0, 10.0, 0.0) > 0", True),
            ),
            (
                "h3PointDistKm",
                (4, 4),
                FLOAT,
                "Kilometres between two places.",
                ("h3PointDistKm(-10.0, 0.0, 10.0, 0.0) > 0", True),
            ),
            (
                "h3PointDistRads",
                (4, 4),
                FLOAT,
                "Radians between two places.",
                ("h3PointDistRads(-10.0, 0.0, 10.0, 0.0) > 0", True),
            ),
            (
                "h3GetRes0Indexes",
                (0, 0),
                array(INTEGER),
                "All base cells.",
                ("length(h3GetRes0Indexes())", 122),
            ),
            (
                "h3GetPentagonIndexes",
                (1, 1),
                array(INTEGER),
                "The pentagons of a resolution.",
                ("length(h3GetPentagonIndexes(3))", 12),
            ),
            (
                "h3Line",
                (2, 2),
                array(INTEGER),
                "Cells on the line between two.",
                ("length(h3Line(590080540275638271, 590103561300344831)) > 0", True),
            ),
            (
                "h3Distance",
                (2, 2),
                INTEGER,
                "Cells between two.",
                ("h3Distance(590080540275638271, 590103561300344831) > 0", True),
            ),
            (
                "h3HexRing",
                (2, 2),
                array(INTEGER),
                "The ring around a cell.",
                ("length(h3HexRing(590080540275638271, 1))", 6),
            ),
            (
                "h3GetUnidirectionalEdge",
                (2, 2),
                INTEGER,
                "The edge from a cell to another.",
                ("h3GetUnidirectionalEdge(599686042433355775, 599686043507097599) > 0", True),
            ),
            (
                "h3UnidirectionalEdgeIsValid",
                (1, 1),
                BOOLEAN,
                "Whether the number is an edge.",
                ("h3UnidirectionalEdgeIsValid(1248204388774707199)", True),
            ),
            (
                "h3GetOriginIndexFromUnidirectionalEdge",
                (1, 1),
                INTEGER,
                "The edge's first cell.",
                ("h3GetOriginIndexFromUnidirectionalEdge(1248204388774707199) > 0", True),
            ),
            (
                "h3GetDestinationIndexFromUnidirectionalEdge",
                (1, 1),
                INTEGER,
                "The edge's second cell.",
                ("h3GetDestinationIndexFromUnidirectionalEdge(1248204388774707199) > 0", True),
            ),
            (
                "h3GetIndexesFromUnidirectionalEdge",
                (1, 1),
                tuple_(INTEGER, INTEGER),
                "The edge's cells.",
                ("h3GetIndexesFromUnidirectionalEdge(1248204388774707199).1 > 0", True),
            ),
            (
                "h3GetUnidirectionalEdgesFromHexagon",
                (1, 1),
                array(INTEGER),
                "The edges of a cell.",
                ("length(h3GetUnidirectionalEdgesFromHexagon(599686042433355775))", 6),
            ),
            (
                "h3GetUnidirectionalEdgeBoundary",
                (1, 1),
                array(tuple_(FLOAT, FLOAT)),
                "The edge's corners.",
                ("length(h3GetUnidirectionalEdgeBoundary(1248204388774707199)) > 0", True),
            ),
        )
    ),
)
