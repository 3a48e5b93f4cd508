"""The benchmark of cold starts runs, and tells what it says it tells."""

import zipfile
from pathlib import Path

import pytest

from bench import cold_start, package_size


@pytest.mark.parametrize("bytecode", [True, False])
def test_every_entry_is_measured_beside_its_floor(*, bytecode: bool) -> None:
    rows = cold_start.measure(1, bytecode=bytecode)
    assert [row.entry for row in rows] == ["take an event", "read", "store"]
    for row in rows:
        assert 0 < row.imports < row.answer
        assert row.ratio == pytest.approx(row.answer / row.floor)  # there is only one of each


def test_the_largest_part_of_a_package_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "package.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("small/a.py", b"x" * 1024)
        archive.writestr("large/a.py", b"x" * 4096)
        archive.writestr("large/b.py", b"x" * 4096)
    _, everything, first, second = package_size.report(path).splitlines()
    assert everything.split()[-1] == "9"
    assert first.split() == ["large", "8", "8"]
    assert second.split() == ["small", "1", "1"]


def test_what_is_no_package_is_one_line(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", Path(__file__)):
        with pytest.raises(SystemExit, match="is no package"):
            package_size.report(path)
