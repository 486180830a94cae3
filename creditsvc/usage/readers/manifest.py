"""The manifest of a partitioned export, in the three generations of Azure Cost Management (U1).

`_manifest.json` of 2021-01-01 names parts alone; `manifest.json` tells of the export and the run too: of 2024-04-01
with counts, of the preview before it without a version and mostly without counts.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from creditsvc.core.errors import FileError, FileRefused
from creditsvc.core.sentences import Sentence
from creditsvc.usage.readers.values import NoValue, day_of, instant_of

VERSIONS = ("2021-01-01", "2024-04-01")
PREVIEW = "2023-07-01-preview"
"""The interface of the first improved exports, whose manifests had no version of their own."""

_NO_COST = frozenset({
    "pricesheet", "reservationdetails", "reservationrecommendations", "reservationtransactions", "carbonemissions",
})  # fmt: skip


@dataclass(frozen=True)
class ManifestPart:
    """One part as the manifest names it: its blob name and, where stated, its size in bytes and its data rows."""

    name: str
    byte_count: int | None
    row_count: int | None


@dataclass(frozen=True)
class Manifest:
    """What an export says of itself. `first_day` and `last_day` both count; `submitted_at` is an aware UTC instant.

    `subscription` is the one whose cost the export was made for, where it was made for just one.
    """

    version: str
    export_name: str | None
    data_type: str | None
    submitted_at: datetime | None
    first_day: date | None
    last_day: date | None
    row_count: int | None
    parts: tuple[ManifestPart, ...]
    subscription: str | None = None


def parse_manifest(name: str, content: bytes) -> Manifest:
    """The manifest in `content`; `name` is what refusals call it. Raises FileRefused.

    Counts that contradict each other, a version or format that is not known, and data that is amortized or no cost are
    refused here, before any part is opened.
    """
    try:
        read = json.loads(content.decode("utf-8-sig"))
    except ValueError as fault:
        raise _refused(name, "", "", Sentence("is no manifest: it is not JSON (%(why)s)", why=fault)) from None
    if not isinstance(read, dict):
        raise _refused(name, "", "", Sentence("is no manifest: the outermost thing must be a JSON object"))
    reader = _Reader(name)
    config = reader.mapping(read, "exportConfig")
    version = reader.text(read, "manifestVersion")
    if version is None and reader.text(config, "apiVersion") == PREVIEW:
        version = PREVIEW
    if version is None or version not in (*VERSIONS, PREVIEW):
        wrong = Sentence("is not known: %(wanted)s would be right", wanted=" / ".join(VERSIONS))
        raise _refused(name, "manifestVersion", version or "", wrong)
    parts = _parts(reader, read)
    row_count = reader.count(read, "dataRowCount")
    _check_sums(reader, read, parts)
    run = reader.mapping(read, "runInfo")
    data_type = reader.text(config, "type")
    if data_type is not None and "amortized" in data_type.lower():
        raise _refused(
            name, "exportConfig.type", data_type,
            Sentence(
                "amortized cost is not read, since credit is drawn by actual cost: export ActualCost (or FOCUS) instead"
            ),
        )  # fmt: skip
    if data_type is not None and data_type.lower() in _NO_COST:
        raise _refused(
            name, "exportConfig.type", data_type, Sentence("is no cost data: ActualCost or FocusCost would be right")
        )
    _check_format(reader, read)
    first_day, last_day = _range(reader, run)
    return Manifest(
        version=version,
        export_name=reader.text(config, "exportName"),
        data_type=data_type,
        submitted_at=reader.instant(run, "submittedTime"),
        first_day=first_day,
        last_day=last_day,
        row_count=row_count,
        parts=parts,
        subscription=_subscription(reader.text(config, "resourceId")),
    )


def _subscription(resource_id: str | None) -> str | None:
    """The subscription that is the whole of an export's scope; None for a wider or a narrower one.

    Azure states the id of the export itself, which is its scope followed by `/providers/.../exports/<name>`.
    """
    export = r"(?:/providers/microsoft\.costmanagement/exports/[^/]+)?"
    match = re.fullmatch(rf"/?subscriptions/([0-9a-f-]{{36}}){export}/?", (resource_id or "").strip().lower())
    return match[1] if match else None


def _parts(reader: "_Reader", read: Mapping[str, object]) -> tuple[ManifestPart, ...]:
    blobs = read.get("blobs")
    if not isinstance(blobs, list) or not all(isinstance(blob, dict) for blob in blobs):
        raise _refused(reader.name, "blobs", "", Sentence("must be the list of the export's parts"))
    if not blobs:
        raise _refused(reader.name, "blobs", "", Sentence("names no part: the export is empty or did not finish"))
    parts = []
    for blob in blobs:
        blob_name = reader.text(blob, "blobName")
        if blob_name is None:
            raise _refused(reader.name, "blobName", "", Sentence("is missing for one of the parts"))
        parts.append(ManifestPart(blob_name, reader.count(blob, "byteCount"), reader.count(blob, "dataRowCount")))
    return tuple(parts)


def _check_sums(reader: "_Reader", read: Mapping[str, object], parts: tuple[ManifestPart, ...]) -> None:
    """The totals of the manifest must be what its own list of parts adds up to."""
    sums: list[tuple[str, list[int | None]]] = [
        ("blobCount", [1] * len(parts)),
        ("byteCount", [part.byte_count for part in parts]),
        ("dataRowCount", [part.row_count for part in parts]),
    ]
    for field, counts in sums:
        stated = reader.count(read, field)
        known = [count for count in counts if count is not None]
        if stated is not None and len(known) == len(counts) and stated != sum(known):
            raise _refused(
                reader.name, field, str(stated),
                Sentence("the parts it lists make %(sum)s: the manifest is incomplete", sum=sum(known)),
            )


def _check_format(reader: "_Reader", read: Mapping[str, object]) -> None:
    delivery = reader.mapping(read, "deliveryConfig")
    for where, field in ((read, "dataFormat"), (delivery, "fileFormat")):
        stated = reader.text(where, field)
        if stated is not None and stated.lower() not in ("csv", "parquet"):
            raise _refused(reader.name, field, stated, Sentence("is not read: CSV or Parquet would be right"))


def _range(reader: "_Reader", run: Mapping[str, object]) -> tuple[date | None, date | None]:
    first, last = reader.day(run, "startDate"), reader.day(run, "endDate")
    if (first is None) != (last is None):
        raise _refused(reader.name, "runInfo", "", Sentence("states only one of startDate and endDate: both or none"))
    if first is not None and last is not None and last < first:
        early = Sentence("is before startDate %(first)s", first=first.isoformat())
        raise _refused(reader.name, "endDate", last.isoformat(), early)
    return first, last


@dataclass(frozen=True)
class _Reader:
    """Typed look-ups in JSON that others wrote; an absent or null field is None."""

    name: str

    def mapping(self, read: Mapping[str, object], field: str) -> Mapping[str, object]:
        value = read.get(field)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise _refused(self.name, field, str(value), Sentence("must be a JSON object"))
        return value

    def text(self, read: Mapping[str, object], field: str) -> str | None:
        value = read.get(field)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise _refused(self.name, field, str(value), Sentence("must be a text"))
        return value.strip()

    def count(self, read: Mapping[str, object], field: str) -> int | None:
        value = read.get(field)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise _refused(self.name, field, str(value), Sentence("must be a whole number, 0 or more"))
        return value

    def day(self, read: Mapping[str, object], field: str) -> date | None:
        text = self.text(read, field)
        if text is None:
            return None
        try:
            return day_of(text).day
        except NoValue as fault:
            raise _refused(self.name, field, text, fault.message) from None

    def instant(self, read: Mapping[str, object], field: str) -> datetime | None:
        text = self.text(read, field)
        if text is None:
            return None
        try:
            return instant_of(text).astimezone(UTC)
        except NoValue as fault:
            raise _refused(self.name, field, text, fault.message) from None


def _refused(file: str, column: str, value: str, message: Sentence) -> FileRefused:
    return FileRefused([FileError(file, 0, column, value, message)])
