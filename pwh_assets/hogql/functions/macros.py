"""DuckDB macros: text that would be long, or would compute an argument many times, once per session.

Created as temporary macros when a session opens; all names begin with `hog_`. A macro's parameter may not be a lambda,
and a macro that is an aggregate takes no FILTER, so those are templates in the rows instead.
"""

from pwh_assets.hogql.functions.moments import LENIENT_FORMATS


def _formats(formats: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{text}'" for text in formats) + "]"


_US_FORMATS = tuple(text.replace("%d/%m", "%m/%d") for text in LENIENT_FORMATS)

_PARSE = """CREATE OR REPLACE TEMP MACRO {name}(t, zone) AS (
    CASE
        WHEN regexp_full_match(trim(t), '[0-9]{{9,10}}') THEN make_timestamp(TRY_CAST(trim(t) AS BIGINT) * 1000000)
        WHEN regexp_full_match(trim(t), '[0-9]{{13}}') THEN make_timestamp(TRY_CAST(trim(t) AS BIGINT) * 1000)
        WHEN regexp_full_match(trim(t), '[0-9]{{16}}') THEN make_timestamp(TRY_CAST(trim(t) AS BIGINT))
        WHEN regexp_full_match(trim(t), '[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}([ T][0-9:.]*)?')
            THEN {zoned_iso}
        WHEN regexp_full_match(trim(t), '[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}[ T][0-9:.]+ ?(Z|UTC|GMT|[+-][0-9]{{2}}(:?[0-9]{{2}})?)')
            THEN timezone('UTC', TRY_CAST(regexp_replace(regexp_replace(trim(t), ' ?(Z|UTC|GMT)$', '+00'),
                ' ?([+-][0-9]{{2}})([0-9]{{2}})$', '\\1:\\2') AS TIMESTAMPTZ))
        WHEN regexp_full_match(trim(t), '[0-9]{{1,3}}|[0-9]{{5,7}}') THEN NULL
        ELSE {zoned_formats}
    END)"""

_ZONED = "CASE WHEN zone = 'UTC' THEN {local} ELSE timezone('UTC', timezone(zone, {local})) END"


def _parse(name: str, formats: tuple[str, ...]) -> str:
    iso = "TRY_CAST(trim(t) AS TIMESTAMP)"
    tried = f"try_strptime(trim(t), {_formats(formats)})"
    return _PARSE.format(
        name=name, zoned_iso=_ZONED.format(local=iso), zoned_formats=_ZONED.format(local=tried)
    )


def _soundex() -> str:
    """Letters alone; a code that repeats counts once, whatever is no consonant parts two; the first code is the letter."""
    letters = "upper(regexp_replace(t, '[^a-zA-Z]', '', 'g'))"
    codes = f"translate({letters}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '01230120022455012623010202')"
    for code in range(7):
        codes = f"regexp_replace({codes}, '{code}+', '{code}', 'g')"
    return (
        "CREATE OR REPLACE TEMP MACRO hog_soundex(t) AS "
        f"(rpad(left({letters}, 1) || left(replace(substring({codes}, 2), '0', ''), 3), 4, '0'))"
    )


_SOUNDEX = _soundex()

DUCKDB_MACROS: tuple[str, ...] = (
    """CREATE OR REPLACE TEMP MACRO hog_prop(j, p) AS (
    CASE WHEN suffix(json_extract_string(j, p), '.0') AND json_type(j, p) = 'DOUBLE'
    THEN left(json_extract_string(j, p), -2) ELSE json_extract_string(j, p) END)""",
    """CREATE OR REPLACE TEMP MACRO hog_float_text(x) AS (
    CASE
        WHEN abs(x) < 1e15 AND x = trunc(x) THEN CAST(CAST(x AS BIGINT) AS VARCHAR)
        WHEN abs(x) < 1e21 AND x = trunc(x) THEN CAST(CAST(x AS HUGEINT) AS VARCHAR)
        WHEN abs(x) < 1e-4 AND abs(x) >= 1e-6 THEN
            CASE WHEN x < 0 THEN '-' ELSE '' END || '0.' || repeat('0', CASE WHEN abs(x) < 1e-5 THEN 5 ELSE 4 END)
            || replace(regexp_extract(CAST(abs(x) AS VARCHAR), '^([0-9.]+)e', 1), '.', '')
        ELSE regexp_replace(regexp_replace(CAST(CAST(x AS DOUBLE) AS VARCHAR), 'e\\+?(-?)0*', 'e\\1'), '\\.0(e|$)', '\\1')
    END)""",
    """CREATE OR REPLACE TEMP MACRO hog_decimal_text(t) AS (
    CASE WHEN contains(t, '.') THEN rtrim(rtrim(t, '0'), '.') ELSE t END)""",
    """CREATE OR REPLACE TEMP MACRO hog_float(t) AS (
    CASE WHEN regexp_full_match(t, '[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?([iI][nN][fF]([iI][nN][iI][tT][yY])?|[nN][aA][nN])')
    THEN TRY_CAST(t AS DOUBLE) END)""",
    """CREATE OR REPLACE TEMP MACRO hog_int(t) AS (
    CASE WHEN regexp_full_match(t, '[+-]?[0-9]+') THEN TRY_CAST(t AS BIGINT) END)""",
    """CREATE OR REPLACE TEMP MACRO hog_bool(t) AS (
    CASE WHEN lower(t) IN ('true', '1', 't', 'yes', 'y', 'on', 'enable', 'enabled') THEN true
        WHEN lower(t) IN ('false', '0', 'f', 'no', 'n', 'off', 'disable', 'disabled') THEN false END)""",
    """CREATE OR REPLACE TEMP MACRO hog_json(t) AS (
    CASE WHEN json_valid(t) THEN CAST(t AS JSON) END)""",
    """CREATE OR REPLACE TEMP MACRO hog_ascii(t) AS (
    CASE WHEN ascii(t) < 128 THEN ascii(t) WHEN ascii(t) < 2048 THEN 192 + (ascii(t) >> 6)
        WHEN ascii(t) < 65536 THEN 224 + (ascii(t) >> 12) ELSE 240 + (ascii(t) >> 18) END)""",
    _SOUNDEX,
    """CREATE OR REPLACE TEMP MACRO hog_substring(s, start, size) AS (
    CASE
        WHEN s IS NULL OR start IS NULL THEN NULL
        WHEN start = 0 THEN ''
        WHEN start > 0 AND size IS NULL THEN substring(s, start)
        WHEN start > 0 AND size >= 0 THEN substring(s, start, size)
        WHEN start > 0 THEN substring(s, start, greatest(length(s) - start + 1 + size, 0))
        WHEN size IS NULL THEN right(s, -start)
        WHEN size >= 0 THEN left(substring(s, greatest(length(s) + start + 1, 1)),
            greatest(CASE WHEN -start > length(s) THEN size + start + length(s) ELSE size END, 0))
        ELSE left(right(s, -start), greatest(least(-start, length(s)) + size, 0))
    END)""",
    """CREATE OR REPLACE TEMP MACRO hog_array_slice(a, start, size) AS (
    CASE
        WHEN a IS NULL THEN NULL
        WHEN start = 0 THEN list_slice(a, 1, 0)
        ELSE list_filter(a, lambda __x, __i:
            __i >= CASE WHEN start IS NULL THEN 1 WHEN start > 0 THEN start ELSE len(a) + start + 1 END
            AND __i <= CASE WHEN size IS NULL THEN len(a)
                WHEN size < 0 THEN len(a) + size
                ELSE CASE WHEN start IS NULL THEN 1 WHEN start > 0 THEN start ELSE len(a) + start + 1 END + size - 1 END)
    END)""",
    """CREATE OR REPLACE TEMP MACRO hog_array_resize(a, size, filler) AS (
    CASE
        WHEN size >= 0 THEN list_concat(list_slice(a, 1, size),
            list_transform(range(greatest(size - len(a), 0)), lambda __x: filler))
        ELSE list_concat(list_transform(range(greatest(-size - len(a), 0)), lambda __x: filler),
            list_slice(a, greatest(len(a) + size + 1, 1), len(a)))
    END)""",
    """CREATE OR REPLACE TEMP MACRO hog_position(t, n, start) AS (
    CASE WHEN instr(substring(t, greatest(start, 1)), n) > 0
        THEN instr(substring(t, greatest(start, 1)), n) + greatest(start, 1) - 1
        ELSE instr(substring(t, greatest(start, 1)), n) END)""",
    """CREATE OR REPLACE TEMP MACRO hog_replace_one(t, n, r) AS (
    CASE WHEN n IS NULL OR r IS NULL THEN NULL WHEN n <> '' AND instr(t, n) > 0
        THEN left(t, instr(t, n) - 1) || r || substring(t, instr(t, n) + length(n)) ELSE t END)""",
    """CREATE OR REPLACE TEMP MACRO hog_url_decode(t) AS (
    coalesce(TRY(url_decode(t)), t))""",
    """CREATE OR REPLACE TEMP MACRO hog_url_protocol(u) AS (
    regexp_extract(u, '^([a-zA-Z][a-zA-Z0-9+.-]*):', 1))""",
    """CREATE OR REPLACE TEMP MACRO hog_url_netloc(u) AS (
    regexp_extract(u, '^(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//([^/?#]*)', 1))""",
    """CREATE OR REPLACE TEMP MACRO hog_url_host(u) AS (
    regexp_extract(u, '^(?:(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//)?(?:[^/?#@]*@)?([^/?#:@]*)', 1))""",
    """CREATE OR REPLACE TEMP MACRO hog_url_domain(u) AS (
    CASE WHEN contains(hog_url_host(u), '.') THEN hog_url_host(u)
        WHEN regexp_matches(u, '^([a-zA-Z][a-zA-Z0-9+.-]*:)?//') THEN hog_url_host(u)
        ELSE regexp_extract(u, '$^') END)""",
    """CREATE OR REPLACE TEMP MACRO hog_url_domain_bare(u) AS (
    regexp_replace(hog_url_domain(u), '^www\\.', ''))""",
    """CREATE OR REPLACE TEMP MACRO hog_url_tld(u) AS (
    regexp_extract(hog_url_domain(u), '\\.([^.0-9][^.]*)$', 1))""",
    """CREATE OR REPLACE TEMP MACRO hog_url_port(u, d) AS (
    coalesce(TRY_CAST(regexp_extract(u, '^(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//(?:[^/?#@]*@)?[^/?#:@]*:([0-9]+)', 1) AS USMALLINT), CASE WHEN u IS NOT NULL THEN d END))""",
    """CREATE OR REPLACE TEMP MACRO hog_url_path_full(u) AS (
    regexp_extract(regexp_replace(u, '^([a-zA-Z][a-zA-Z0-9+.-]*:)?//[^/?#]*', ''), '^[^/?#]*(/.*)$', 1, 's'))""",
    """CREATE OR REPLACE TEMP MACRO hog_url_path(u) AS (
    regexp_extract(regexp_replace(u, '^([a-zA-Z][a-zA-Z0-9+.-]*:)?//[^/?#]*', ''), '^[^/?#]*(/[^?#]*)', 1))""",
    """CREATE OR REPLACE TEMP MACRO hog_url_query_fragment(u) AS (
    regexp_extract(u, '\\?(.*)$', 1, 's'))""",
    """CREATE OR REPLACE TEMP MACRO hog_url_query(u) AS (
    regexp_extract(u, '\\?([^#]*)', 1))""",
    """CREATE OR REPLACE TEMP MACRO hog_url_fragment(u) AS (
    regexp_extract(u, '#(.*)$', 1, 's'))""",
    """CREATE OR REPLACE TEMP MACRO hog_url_arguments(u) AS (
    regexp_extract(u, '[?#](.*)$', 1, 's'))""",
    """CREATE OR REPLACE TEMP MACRO hog_url_parameters(u) AS (
    list_filter(regexp_split_to_array(hog_url_arguments(u), '[&#]'), lambda __p, __i:
        contains(__p, '=') OR __i < len(regexp_split_to_array(hog_url_arguments(u), '[&#]'))))""",
    """CREATE OR REPLACE TEMP MACRO hog_url_parameter(u, n) AS (
    coalesce(substring(list_filter(regexp_split_to_array(hog_url_arguments(u), '[&#]'), lambda __p: starts_with(__p, n || '='))[1], length(n) + 2),
        CASE WHEN u IS NOT NULL AND n IS NOT NULL THEN '' END))""",
    """CREATE OR REPLACE TEMP MACRO hog_cut_parameter(u, n) AS (
    regexp_replace(regexp_replace(u, '([?&#])' || regexp_escape(n) || '=[^&#]*&', '\\1'), '([?#])' || regexp_escape(n) || '=[^&#]*|&' || regexp_escape(n) || '=[^&#]*', '\\1'))""",
    """CREATE OR REPLACE TEMP MACRO hog_cuts(u, start) AS (
    list_transform(list_filter(range(start, length(u) + 1), lambda __i: __i = length(u) OR (u[__i] IN ('/', '?', '#')
        AND u[__i + 1] NOT IN ('/', '?', '#'))), lambda __i: left(u, __i)))""",
    """CREATE OR REPLACE TEMP MACRO hog_url_hierarchy(u) AS (
    CASE WHEN u = '' THEN [] ELSE
    hog_cuts(u, least(length(u), 1 + length(regexp_extract(u, '^(?:[a-zA-Z][a-zA-Z0-9+.-]*://)?[^/?#]*')))) END)""",
    """CREATE OR REPLACE TEMP MACRO hog_url_path_hierarchy(u) AS (
    list_filter(hog_cuts(hog_url_path_full(u), 2), lambda __c: __c <> '/'))""",
    """CREATE OR REPLACE TEMP MACRO hog_log1p(x) AS (
    CASE WHEN x > -1 AND abs(x) < 1e-5 THEN x - x * x / 2 + x * x * x / 3 WHEN x > -1 THEN ln(1 + x)
        WHEN x = -1 THEN CAST('-inf' AS DOUBLE) WHEN x IS NOT NULL THEN CAST('nan' AS DOUBLE) END)""",
    """CREATE OR REPLACE TEMP MACRO hog_shift_left(x, n) AS (
    CASE WHEN n >= 64 THEN 0 ELSE CAST((CAST(x AS HUGEINT) * CAST(pow(2, n) AS HUGEINT)) % 18446744073709551616 -
        CASE WHEN (CAST(x AS HUGEINT) * CAST(pow(2, n) AS HUGEINT)) % 18446744073709551616 > 9223372036854775807
        THEN 18446744073709551616 WHEN (CAST(x AS HUGEINT) * CAST(pow(2, n) AS HUGEINT)) % 18446744073709551616 < -9223372036854775808
        THEN -18446744073709551616 ELSE 0 END AS BIGINT) END)""",
    """CREATE OR REPLACE TEMP MACRO hog_hex(n) AS (
    CASE WHEN length(hex(n)) % 2 = 1 THEN '0' || hex(n) ELSE hex(n) END)""",
    """CREATE OR REPLACE TEMP MACRO hog_bin(n) AS (
    lpad(bin(n), CAST(greatest(8, CAST(ceil(length(bin(n)) / 8.0) AS INTEGER) * 8) AS INTEGER), '0'))""",
    """CREATE OR REPLACE TEMP MACRO hog_text_of(b) AS (
    decode(b))""",
    """CREATE OR REPLACE TEMP MACRO hog_ipv4(t) AS (
    CASE WHEN regexp_full_match(t, '((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(\\.|$)){4}') AND NOT ends_with(t, '.') THEN
        CAST(string_split(t, '.')[1] AS BIGINT) * 16777216 + CAST(string_split(t, '.')[2] AS BIGINT) * 65536
        + CAST(string_split(t, '.')[3] AS BIGINT) * 256 + CAST(string_split(t, '.')[4] AS BIGINT) END)""",
    """CREATE OR REPLACE TEMP MACRO hog_bar(x, least_, most, width) AS (
    CASE WHEN x <= least_ THEN '' WHEN x >= most THEN repeat('█', CAST(width AS BIGINT)) ELSE
        repeat('█', CAST(floor((x - least_) / (most - least_) * width) AS BIGINT))
        || ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][CAST(floor(((x - least_) / (most - least_) * width) * 8) AS BIGINT) % 8 + 1] END)""",
    """CREATE OR REPLACE TEMP MACRO hog_months(a, b) AS (
    CASE WHEN b >= a THEN (year(b) - year(a)) * 12 + month(b) - month(a)
            - CASE WHEN (day(b), CAST(b AS TIME)) < (day(a), CAST(a AS TIME)) THEN 1 ELSE 0 END
        ELSE (year(b) - year(a)) * 12 + month(b) - month(a)
            + CASE WHEN (day(b), CAST(b AS TIME)) > (day(a), CAST(a AS TIME)) THEN 1 ELSE 0 END END)""",
    """CREATE OR REPLACE TEMP MACRO hog_json_text(j) AS (
    CASE json_type(j) WHEN 'NULL' THEN NULL WHEN 'DOUBLE' THEN hog_float_text(CAST(j AS DOUBLE))
    ELSE json_extract_string(j, '$') END)""",
    """CREATE OR REPLACE TEMP MACRO hog_json_raw(j) AS (
    CASE json_type(j) WHEN 'DOUBLE' THEN hog_float_text(CAST(j AS DOUBLE)) ELSE CAST(j AS VARCHAR) END)""",
    """CREATE OR REPLACE TEMP MACRO hog_json_int(j) AS (
    CASE WHEN json_type(j) NOT IN ('OBJECT', 'ARRAY', 'BOOLEAN', 'NULL') THEN
        coalesce(hog_int(json_extract_string(j, '$')), TRY_CAST(trunc(hog_float(json_extract_string(j, '$'))) AS BIGINT))
    END)""",
    """CREATE OR REPLACE TEMP MACRO hog_json_uint(j) AS (
    CASE WHEN hog_json_int(j) >= 0 THEN hog_json_int(j) END)""",
    """CREATE OR REPLACE TEMP MACRO hog_json_float(j) AS (
    CASE WHEN json_type(j) NOT IN ('OBJECT', 'ARRAY', 'BOOLEAN', 'NULL') THEN hog_float(json_extract_string(j, '$')) END)""",
    """CREATE OR REPLACE TEMP MACRO hog_json_bool(j) AS (
    CASE json_type(j) WHEN 'BOOLEAN' THEN CAST(j AS BOOLEAN) WHEN 'UBIGINT' THEN j <> '0' WHEN 'BIGINT' THEN true END)""",
    """CREATE OR REPLACE TEMP MACRO hog_json_length(j) AS (
    CASE json_type(j) WHEN 'ARRAY' THEN json_array_length(j) WHEN 'OBJECT' THEN len(json_keys(j)) END)""",
    """CREATE OR REPLACE TEMP MACRO hog_json_type(j) AS (
    CASE json_type(j) WHEN 'OBJECT' THEN 'Object' WHEN 'ARRAY' THEN 'Array' WHEN 'VARCHAR' THEN 'String'
        WHEN 'BOOLEAN' THEN 'Bool' WHEN 'DOUBLE' THEN 'Double' WHEN 'BIGINT' THEN 'Int64'
        WHEN 'UBIGINT' THEN CASE WHEN TRY_CAST(j AS BIGINT) IS NULL THEN 'UInt64' ELSE 'Int64' END
        ELSE 'Null' END)""",
    """CREATE OR REPLACE TEMP MACRO hog_json_values(j) AS (
    CASE WHEN json_type(j) = 'ARRAY' THEN CAST(json_extract(j, '$[*]') AS JSON[]) END)""",
    """CREATE OR REPLACE TEMP MACRO hog_json_array(j) AS (
    list_transform(hog_json_values(j), lambda __j: hog_json_raw(__j)))""",
    """CREATE OR REPLACE TEMP MACRO hog_json_keys(j) AS (
    CASE WHEN json_type(j) = 'OBJECT' THEN CAST(json_keys(j) AS VARCHAR[]) END)""",
    _parse("hog_parse", LENIENT_FORMATS),
    _parse("hog_parse_us", _US_FORMATS),
)
"""CREATE statements, in order; none depends on a table."""
