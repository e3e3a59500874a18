import duckdb

from pwh_assets.lake.matching import equals_of, same

ROWS = "SELECT * FROM (VALUES (1, NULL, 1), (2, 'b', NULL)) r(id, born, old)"


def test_only_parts_of_a_key_that_are_null_somewhere_are_compared_as_such():
    with duckdb.connect() as connection:
        assert equals_of(connection, ROWS, ["id"]) == {"id": "="}
        assert same("t", "s", equals_of(connection, ROWS, ["id", "born"])) == (
            't."id" = s."id" AND t."born" IS NOT DISTINCT FROM s."born"'
        )
        assert equals_of(connection, ROWS, ["id"], ["old"]) == {"id": "IS NOT DISTINCT FROM"}
        assert equals_of(connection, f"{ROWS} WHERE false", ["born"]) == {"born": "="}
