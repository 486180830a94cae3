"""The bounds within which a file of other people's making is read."""

from dataclasses import dataclass

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds of one reading; sizes are bytes.

    `gzip_ratio` is how many times larger a gzip may unpack once it is past `gzip_floor` (real exports make about 8);
    `unpacked_bytes` bounds every part, compressed or not; `errors` is how many faults a refusal lists.
    Text is read in chunks, and grouped in pieces of whole rows (`piece` bytes or a chunk more); of a row that has not
    ended, `row_bytes` are held at most.

    Of a Parquet file the footer has at most `footer_bytes` and `footer_values`, a row group `group_rows` and, unpacked,
    `group_bytes`, a text that is used `text_bytes`; past `parquet_floor` the used columns unpack to no more than
    `gzip_ratio` times the file. A zip has at most `zip_entries`, listed in `zip_directory_bytes`.
    """

    errors: int = 20
    gzip_ratio: int = 200
    gzip_floor: int = 8 * MEBIBYTE
    unpacked_bytes: int = 16 * 1024 * MEBIBYTE
    header_bytes: int = MEBIBYTE
    manifest_bytes: int = 16 * MEBIBYTE
    chunk: int = MEBIBYTE
    piece: int = 16 * MEBIBYTE
    row_bytes: int = 2 * MEBIBYTE
    footer_bytes: int = 8 * MEBIBYTE
    footer_values: int = 2_000_000
    group_rows: int = 4 * MEBIBYTE
    group_bytes: int = 2048 * MEBIBYTE
    parquet_floor: int = 64 * MEBIBYTE
    text_bytes: int = 64 * 1024
    zip_entries: int = 2_000
    zip_directory_bytes: int = MEBIBYTE
