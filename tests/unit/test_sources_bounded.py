"""Files that unpack to more than anybody meant: memory stays bounded, and what is left out is said."""

import gzip
import json
import random
import subprocess
import sys

import pytest

from deskloop.errors import BadInput
from deskloop.origins import FilesSource
from deskloop.settings import Settings
from deskloop.sources import files, tables

READ = """
import resource, sys
from pathlib import Path
from deskloop.sources import tables
resource.setrlimit(resource.RLIMIT_AS, (1_400_000_000, 1_400_000_000))
rows = list(tables.scan(Path(sys.argv[1])))
print(len(rows), rows[-1].problem)
"""


@pytest.mark.parametrize("name", ["bomb.json.gz", "bomb.csv.gz", "bomb.jsonl.gz"])
def test_a_gzip_bomb_ends_in_a_reason_not_in_the_memory(tmp_path, name):
    piece = gzip.compress(b" " * 50_000_000)
    (tmp_path / name).write_bytes(piece * 30)  # 1.5 GB of blanks in 1.5 MB
    done = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path / name)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    count, problem = done.stdout.split(" ", 1)
    assert int(count) >= 1 and "200 times its size" in problem


def test_a_csv_that_is_cut_says_so_and_takes_no_half_row(tmp_path):
    path = tmp_path / "t.csv.gz"
    lines = ["id,text", *(f"{n},row {random.Random(n).random()}" for n in range(400))]
    packed = gzip.compress("\n".join(lines).encode())
    path.write_bytes(packed[: len(packed) // 2])
    found = list(tables.scan(path))
    good = [f"{row.value['id']},{row.value['text']}" for row in found if row.value]
    assert len(good) > 150 and good == lines[1 : 1 + len(good)]
    assert [row.problem for row in found if row.value is None] == ["the packed file is cut off here"]


def test_rows_that_merely_begin_like_gzip_are_read(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_bytes(b"\x1f\x8b\xff broken\n" + b'{"text": "where is it"}\n')
    assert [row.value for row in tables.scan(path) if row.value] == [{"text": "where is it"}]


def test_one_bad_file_in_a_folder_is_set_aside_and_alone_it_is_refused(tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "a.xlsx").write_bytes(b"no workbook")
    (folder / "b.jsonl").write_text('{"text": "where is my order"}\n')
    settings = Settings(home=tmp_path)
    batch = files.read(FilesSource(kind="files", name="t", path=folder, content="messages"), settings)
    assert (len(batch.conversations), len(batch.quarantined), batch.read) == (1, 1, 2)
    with pytest.raises(BadInput):
        files.read(FilesSource(kind="files", name="t", path=folder / "a.xlsx", content="messages"), settings)


def test_aliases_in_training_data_are_not_unfolded(tmp_path):
    path = tmp_path / "nlu.yml"
    path.write_text("a: &a [x, x]\nb: &b [*a, *a]\nnlu: [*b, *b]\n")
    source = FilesSource(kind="files", name="t", path=path, content="rasa_nlu")
    with pytest.raises(BadInput, match="aliases"):
        files.read(source, Settings(home=tmp_path))


PEAK = """
import re, sys
from pathlib import Path
from deskloop import sources
from deskloop.origins import FilesSource
from deskloop.settings import Settings
source = FilesSource(kind="files", name="t", path=Path(sys.argv[1]), content="messages")
count = 0
for number, part in enumerate(sources.read_parts(source, Settings(home=Path(sys.argv[2])), rows=500)):
    count += part.read
print(count, re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def _written(path, rows):
    """Rows of 8 kB, so that the file is large and the reading short."""
    filler = random.Random(rows).randbytes(4_000).hex()
    with path.open("w") as out:
        if path.suffix == ".csv":
            out.write("id,text\n")
            out.writelines(f"{n},Where is parcel {n}? {filler}\n" for n in range(rows))
        else:
            out.write("[" * (path.suffix == ".json"))
            out.writelines(
                ("," if n and path.suffix == ".json" else "")
                + json.dumps({"id": str(n), "text": f"Where is parcel {n}? {filler}"}) + "\n" for n in range(rows)
            )  # fmt: skip
            out.write("]" * (path.suffix == ".json"))


@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
def test_four_times_the_file_takes_no_more_memory(tmp_path, form):
    peaks = []
    for rows in (2_500, 10_000):  # 20 and 80 MB
        path = tmp_path / f"t.{form}"
        _written(path, rows)
        done = subprocess.run(
            [sys.executable, "-c", PEAK, str(path), str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        path.unlink()
        count, peak = map(int, done.stdout.split())
        assert count == rows
        peaks.append(peak / 1000)  # MB
    assert peaks[1] - peaks[0] < 15, peaks
