"""Files of each format as people hand them in, and what an import of each changes: one answer for every door."""

from pathlib import Path

from tests.conftest import ROOT

FOLDER = ROOT / "tests" / "data" / "usage" / "formats"
EA, HKD, PROVIDERS = {"USD": "5.2500565"}, {"HKD": "780", "USD": "3"}, {"USD": "15.25"}
ONE_FILE = {
    "focus-1.2.csv": HKD,
    "focus-1.2.snappy.parquet": HKD,
    "focus-aws-doubles.parquet": {"USD": "0.00000015"},
    "ea-actual.zstd.parquet": {"USD": "4.50000001"},
    "focus-1.1-providers.csv": PROVIDERS,
    "payg-chinese.csv": {"USD": "1.5"},
    "one-file.zip": EA,
    "export-2024.zip": EA,
    "export-parquet.zip": HKD,
}
FOLDERS = {"export-parquet": HKD, "export-preview": PROVIDERS}


def files_of(name: str) -> list[tuple[str, bytes]]:
    """The files of an export by name: one, or all of its folder."""
    path = FOLDER / name
    paths = sorted(path.iterdir()) if path.is_dir() else [path]
    return [(one.name, one.read_bytes()) for one in paths]


def path_of(name: str) -> Path:
    """Where an export lies."""
    return FOLDER / name
