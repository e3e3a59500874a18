import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pwh_assets.core.source import Column
from pwh_assets.services.sync.extract import extract
from pwh_assets.services.sync.package import unfinished
from pwh_assets.sources.base import Reading

NUMBERS = pa.table({"id": [1, 2]})


class Pieces:
    """Chunks of two rows each; `breaks` is one that cannot be read."""

    def __init__(self, *names, breaks=""):
        self.plan, self.names, self.breaks = {"of": "all"}, names, breaks
        self.is_resumable, self.rows_are_unique, self.parallel = True, True, 1
        self.renames = {}

    def write(self, name, folder):
        if name == self.breaks:
            raise OSError("no more")
        pq.write_table(NUMBERS, folder / f"{name}.parquet")
        return [(folder / f"{name}.parquet", 2)]

    def close(self):
        pass


def reading(**rows):
    return Reading(None, (Column("id", "BIGINT"),), lambda: None, **rows)


@pytest.mark.parametrize(
    "rows", [lambda: {"batches": iter([NUMBERS])}, lambda: {"chunks": Pieces("a", "b")}]
)
def test_no_file_has_the_place_of_an_earlier_one(tmp_path, rows):
    first, second = (extract(reading(**rows()), tmp_path / "t") for _ in range(2))
    assert first.rows == second.rows and all(file.is_file() for file in second.files)
    assert not set(first.files) & set(second.files)


def test_what_a_dead_extraction_left_is_kept_and_its_bytes_are_told(tmp_path):
    told = []
    with pytest.raises(OSError, match="no more"):
        extract(reading(chunks=Pieces("a", "b", breaks="b")), tmp_path / "t", fingerprint="x")
    left = unfinished(tmp_path / "t", "x")
    assert left is not None and left.done == ("a",)
    done = extract(
        reading(chunks=Pieces("b")),
        tmp_path / "t",
        lambda rows, size: told.append((rows, size)),
        fingerprint="x",
        unfinished=left,
    )
    assert (done.rows, [file.stem for file in done.files]) == (4, ["a", "b"])
    assert told[-1] == (4, done.bytes)
