"""Cost exports made wrong in the ways in which files go wrong, each by its own seed: repeatable to the byte."""

import csv
import gzip
import io
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from tests.usage.readers.exports import EA_ROW, FOCUS_ROW, MCA_ROW, PAYG_ROW, text_of
from tests.usage.readers.make_formats import AWS_ROWS, EA_ROWS, HKD_ROWS, HKD_TYPES, PROVIDERS
from tests.usage.readers.making import A, B, changed, manifest_of, parquet_bytes, zip_bytes

SEED = 2026
Rows = list[dict[str, str]]

NASTY = (
    "", " ", "NULL", "abc", "1,5", "1.234,56", "1e999", "1e-40", "-0", "+2", "NaN", "inf", "0x1F", "１２.５", "1_000",
    "--1", "1" * 30, "0." + "1" * 29, "True", "false", "2026-02-30", "13/01/2026", "2026-03-01T25:00:00Z", "0001-01-01",
    "USD", "US", "us$", "€", "Credit", "Tax", "UnusedReservation", "a\tb", "ümlaut", "\u202e", "'", "=1+1",
    "/subscriptions/",
    "00000000-0000-0000-0000-000000000000", "9" * 210, "2026-03-01T00:00:00.1234567Z", "2026-03-01T00:00:00+08:00",
)  # fmt: skip
KINDS = (pa.string(), pa.float64(), pa.int64(), pa.bool_(), pa.binary(), pa.decimal128(38, 2), pa.timestamp("ms"))
CODECS = ("snappy", "gzip", "zstd", "none", "lz4", "brotli")


@dataclass(frozen=True)
class Case:
    """Files by name: one export. `data` is the file whose rows decide, `base` its content before it was made wrong."""

    name: str
    files: Mapping[str, bytes]
    data: tuple[bytes, ...]
    base: tuple[bytes, ...]

    def write(self, folder: Path) -> Path:
        """Writes the files; gives what is to be imported: the only file, or the folder."""
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder / next(iter(self.files)) if len(self.files) == 1 else folder


def _rows(row: Mapping[str, str], date: str, cost: str, scope: str, days: Sequence[str]) -> Rows:
    """Some rows of both scopes: two days, equal rows, E-notation, long decimals, a refund."""
    costs = ("1.25", "1.25", "5.64902E-05", "0.0000000072922557592391990000", "-0.5", "3", "0")
    prefix = "/subscriptions/" if row[scope].startswith("/") else ""
    return changed(row, [
        {
            cost: text, date: days[n % len(days)], scope: prefix + (A, B, A.upper())[n % 3],
            "Tags": ("", 'a,"b"', "x\ny")[n % 3],
        }
        for n, text in enumerate(costs)
    ])  # fmt: skip


US_DAYS, ISO_DAYS = ("03/01/2026", "3/2/2026"), ("2026-03-01", "2026-03-02")
TEXTS: Mapping[str, Rows] = {
    "ea": [
        *_rows(EA_ROW, "Date", "Cost", "SubscriptionId", US_DAYS),
        *changed(EA_ROW, [{"ChargeType": "Tax"}, {"IsAzureCreditEligible": "False", "Cost": "40.125"}]),
    ],
    "mca": [
        *_rows({**MCA_ROW, "Tags": ""}, "date", "costInPricingCurrency", "subscriptionId", US_DAYS),
        *changed({**MCA_ROW, "Tags": ""}, [{"pricingCurrency": "EUR"}, {"costInPricingCurrency": ""}]),
    ],
    "payg": _rows({**PAYG_ROW, "Tags": ""}, "UsageDateTime", "PreTaxCost", "SubscriptionGuid", ISO_DAYS),
    "focus": [
        *_rows(FOCUS_ROW, "ChargePeriodStart", "BilledCost", "SubAccountId", [f"{day}T05:00:00Z" for day in ISO_DAYS]),
        *changed(FOCUS_ROW, [{"ChargeCategory": "Credit", "BilledCost": "-9"}, {"SubAccountId": "NULL"}]),
    ],
    "focus-1.2": HKD_ROWS,
    "providers": PROVIDERS,
}
TYPED: Mapping[str, tuple[Rows, Mapping[str, pa.DataType]]] = {
    "focus-1.2": (HKD_ROWS, HKD_TYPES),
    "aws": (AWS_ROWS, {"BilledCost": pa.float64(), "ChargePeriodStart": pa.timestamp("ms")}),
    "ea": (EA_ROWS, {"Cost": pa.decimal128(38, 28), "Date": pa.date32(), "IsAzureCreditEligible": pa.bool_()}),
    "texts": (TEXTS["focus"], {}),
}


def case(number: int) -> Case:
    """The mutated export of that number."""
    rnd = random.Random(f"{SEED}-{number}")
    kind = rnd.choices(list(MAKERS), [weight for weight, _ in MAKERS.values()])[0]
    made = MAKERS[kind][1](rnd)
    return Case(f"{number}: {kind}, {made.name}", made.files, made.data, made.base)


def _text_case(rnd: random.Random) -> Case:
    schema = rnd.choice(list(TEXTS))
    base = text_of(TEXTS[schema][0], TEXTS[schema]).encode()
    how = rnd.choice(list(TEXT_MUTATIONS))
    content = TEXT_MUTATIONS[how](rnd, base)
    return Case(f"{schema}, {how}", {"export.csv": content}, (content,), (base,))


def _gzip_case(rnd: random.Random) -> Case:
    schema = rnd.choice(list(TEXTS))
    text = text_of(TEXTS[schema][0], TEXTS[schema]).encode()
    base = gzip.compress(text, mtime=0)
    if rnd.random() < 0.5:
        how = rnd.choice(list(TEXT_MUTATIONS))
        content = gzip.compress(TEXT_MUTATIONS[how](rnd, text), mtime=0)
    else:
        how = rnd.choice(list(BYTE_MUTATIONS))
        content = BYTE_MUTATIONS[how](rnd, base)
    return Case(f"{schema}, {how}", {"export.csv.gz": content}, (content,), (base,))


def _parquet_case(rnd: random.Random) -> Case:
    schema = rnd.choice(list(TYPED))
    rows, types = TYPED[schema]
    options = {
        "compression": rnd.choice(CODECS), "data_page_version": rnd.choice(("1.0", "2.0")),
        "use_dictionary": rnd.random() < 0.6, "write_page_checksum": rnd.random() < 0.5,
        "row_group_size": rnd.choice((2, 100)),
    }  # fmt: skip
    base = parquet_bytes(rows, types, **options)
    how = rnd.choice(("bytes", "tail", "types", "columns"))
    content = base
    if how == "bytes":
        content = BYTE_MUTATIONS[rnd.choice(list(BYTE_MUTATIONS))](rnd, base)
    elif how == "tail":  # the footer, where the promises are
        content = base[: len(base) // 2] + _flip(rnd, base[len(base) // 2 :])
    else:
        content = _retyped(rnd, rows, types, columns=how == "columns", **options)
    return Case(f"{schema}, {how}, {options}", {"export.parquet": content}, (content,), (base,))


def _retyped(
    rnd: random.Random, rows: Rows, types: Mapping[str, pa.DataType], *, columns: bool, **options: object
) -> bytes:
    """Other columns, or a column of another type; where the values do not fit it, a text that is none."""
    if columns:
        names = list(rows[0])
        rnd.shuffle(names)
        dropped = rnd.choice(names) if rnd.random() < 0.3 else None
        return parquet_bytes([{name: row[name] for name in names if name != dropped} for row in rows], types, **options)
    name = rnd.choice(list(rows[0]))
    try:
        return parquet_bytes(rows, {**types, name: rnd.choice(KINDS)}, **options)
    except (ValueError, ArithmeticError, TypeError, pa.ArrowException):
        spoilt = [{**row, name: rnd.choice(NASTY)} for row in rows]
        return parquet_bytes(spoilt, {**types, name: pa.string()}, **options)


def _folder_case(rnd: random.Random) -> Case:
    """An export with its manifest, one of the files made wrong."""
    texts = [text_of(HKD_ROWS[0], rows).encode() for rows in (HKD_ROWS[:4], HKD_ROWS[4:])]
    parts = {"part_0.csv": texts[0], "part_1.csv": texts[1]}
    files = {**parts, "manifest.json": manifest_of(parts, [4, 3], deliveryConfig={})}
    wrong = rnd.choice(list(files))
    how = rnd.choice(["spelling", *BYTE_MUTATIONS]) if wrong == "manifest.json" else rnd.choice(list(TEXT_MUTATIONS))
    if how == "spelling":
        files[wrong] = _respelt(rnd, files[wrong])
    else:
        files[wrong] = {**TEXT_MUTATIONS, **BYTE_MUTATIONS}[how](rnd, files[wrong])
    if rnd.random() < 0.1:
        del files[rnd.choice(list(parts))]
    data = tuple(files.get(name, b"") for name in parts)
    return Case(f"{wrong}, {how}", files, data, tuple(texts))


def _respelt(rnd: random.Random, manifest: bytes) -> bytes:
    """A manifest with a field that is another value, or gone."""
    stated = json.loads(manifest)
    places = [stated, stated["exportConfig"], stated["runInfo"], stated["blobs"][0]]
    place = rnd.choice(places)
    field = rnd.choice(list(place))
    place[field] = rnd.choice((None, 0, -1, 10**30, "", "x", "AmortizedCost", "Delta", [], {}, True, 1, "../part_0"))
    return json.dumps(stated).encode()


def _zip_case(rnd: random.Random) -> Case:
    base = text_of(TEXTS["ea"][0], TEXTS["ea"]).encode()
    content = zip_bytes({"costs/export.csv": base, "costs/.DS_Store": b"\0"}, rnd.choice((0, 8)))
    how = rnd.choice(list(BYTE_MUTATIONS))
    return Case(how, {"export.zip": BYTE_MUTATIONS[how](rnd, content)}, (base,), (base,))


def _flip(rnd: random.Random, content: bytes) -> bytes:
    wrong = bytearray(content)
    for _ in range(rnd.choice((1, 1, 2, 5))):
        wrong[rnd.randrange(len(wrong))] ^= 1 << rnd.randrange(8)
    return bytes(wrong)


def _overwrite(rnd: random.Random, content: bytes) -> bytes:
    wrong = bytearray(content)
    wrong[rnd.randrange(len(wrong))] = rnd.randrange(256)
    return bytes(wrong)


def _truncate(rnd: random.Random, content: bytes) -> bytes:
    return content[: rnd.randrange(len(content))]


def _cut_out(rnd: random.Random, content: bytes) -> bytes:
    at = rnd.randrange(len(content))
    return content[:at] + content[at + rnd.randrange(1, 60) :]


def _repeat(rnd: random.Random, content: bytes) -> bytes:
    at = rnd.randrange(len(content))
    piece = content[at : at + rnd.randrange(1, 60)]
    return content[:at] + piece + content[at:]


def _append(rnd: random.Random, content: bytes) -> bytes:
    return content + rnd.choice((b"\n", b"\r\n\r\n", b"\0", b"total,1\n", b"\x1a", content, rnd.randbytes(20)))


BYTE_MUTATIONS: Mapping[str, Callable[[random.Random, bytes], bytes]] = {
    "flip": _flip, "overwrite": _overwrite, "truncate": _truncate, "cut out": _cut_out, "repeat": _repeat,
    "append": _append,
}  # fmt: skip


def _table(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


def _csv(table: Sequence[Sequence[str]], **options: object) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, **{"lineterminator": "\n", **options}).writerows(table)  # type: ignore[arg-type]
    return out.getvalue().encode()


def _swap_columns(rnd: random.Random, content: bytes) -> bytes:
    """Two columns whole, their names alone, or their values in one row."""
    table = _table(content)
    one, other = rnd.sample(range(len(table[0])), 2)
    rows = rnd.choice((table, table[:1], [rnd.choice(table[1:])]))
    for row in rows:
        row[one], row[other] = row[other], row[one]
    return _csv(table)


def _rename(rnd: random.Random, content: bytes) -> bytes:
    table = _table(content)
    at = rnd.randrange(len(table[0]))
    name = table[0][at]
    table[0][at] = rnd.choice((
        name.upper(), f"Spalte ({name})", f"列（{name}）", f" {name} ", name[:-1], "", rnd.choice(table[0]), "Cost",
        f"({name}",
    ))  # fmt: skip
    return _csv(table)


def _break_type(rnd: random.Random, content: bytes) -> bytes:
    table = _table(content)
    for _ in range(rnd.choice((1, 1, 3))):
        row = rnd.choice(table[1:])
        row[rnd.randrange(len(row))] = rnd.choice(NASTY)
    return _csv(table)


def _encode(rnd: random.Random, content: bytes) -> bytes:
    text = content.decode().replace("Storage", rnd.choice(("Störage", "儲存體", "Storage", "Αποθήκη")))
    return text.encode(rnd.choice(("utf-16", "utf-16-be", "utf-32", "latin-1", "cp1252", "big5", "shift-jis", "utf-7",
                                   "utf-8-sig", "utf-8", "cp037")), "replace")  # fmt: skip


def _lines(rnd: random.Random, content: bytes) -> bytes:
    """Rows lost, doubled, emptied, cut, or with other ends."""
    lines = content.splitlines(keepends=True)
    at = rnd.randrange(len(lines))
    how = rnd.randrange(7)
    if how == 0:
        del lines[at]
    elif how == 1:
        lines.insert(at, lines[at])
    elif how == 2:
        lines.insert(at, rnd.choice((b"\n", b",\n", b" \n", b"#\n")))
    elif how == 3:
        lines[at] = lines[at].replace(b",", b"", 1)
    elif how == 4:
        return content.replace(b"\n", b"\r\n")
    elif how == 5:
        return content.replace(b"\n", b"\r")
    else:
        lines = lines[:at]
    return b"".join(lines)


def _requote(rnd: random.Random, content: bytes) -> bytes:
    how = rnd.randrange(4)
    if how == 0:
        return _csv(_table(content), quoting=csv.QUOTE_ALL)
    if how == 1:
        return _csv(_table(content), delimiter=rnd.choice(";\t|"))
    at = rnd.randrange(len(content))
    return content[:at] + (b'"' if how == 2 else b'""') + content[at:]


TEXT_MUTATIONS: Mapping[str, Callable[[random.Random, bytes], bytes]] = {
    **BYTE_MUTATIONS, "swap columns": _swap_columns, "rename": _rename, "break type": _break_type, "encode": _encode,
    "lines": _lines, "requote": _requote,
}  # fmt: skip
MAKERS: Mapping[str, tuple[int, Callable[[random.Random], Case]]] = {
    "text": (50, _text_case), "gzip": (8, _gzip_case), "parquet": (26, _parquet_case), "folder": (10, _folder_case),
    "zip": (6, _zip_case),
}  # fmt: skip
