"""The schemas of cost exports, as data: which column of which spelling holds what (U1).

Names are compared in lower case without spaces; of a localised header such as `Region (MeterRegion)` the English name
in parentheses counts. Columns that no table names do not matter.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from creditsvc.core.errors import FileError, FileRefused
from creditsvc.core.sentences import Sentence

LEFT_OUT_CATEGORIES: Final = {"credit": "credit", "tax": "tax", "adjustment": "adjustment"}
"""Charge categories that are not paid from credit (U2), with the reason shown; all others count."""

AMORTIZED_CATEGORIES: Final = frozenset({"unusedreservation", "unusedsavingsplan"})
"""Charge categories that only an amortized data set has."""

COMMITTED_MODELS: Final = ("reservation", "savingsplan")
"""Pricing models under which actual data has no cost on usage: it was paid when the commitment was bought."""

REASONS: Final = ("credit", "tax", "adjustment", "not-eligible", "no-scope")
"""Why rows are left out, in the order in which the rules are asked."""

TEXT_FIELDS: Final = (
    "scope", "date", "service", "category", "charge", "currency", "pricing_currency", "account", "provider",
    "eligible", "period",
)  # fmt: skip
"""Fields whose raw text the rows are grouped by; commitments (below) are only asked whether they are there."""

COST_FIELDS: Final = ("cost", "pricing_cost", "usd_cost")
EFFECTIVE: Final = "effective"
"""The amortized cost: where it equals the billed one, the amortized cost in the pricing currency is the billed one in
that currency too, which FOCUS does not state otherwise (U7)."""

COMMITMENT_FIELDS: Final = ("pricing_model", "reservation", "benefit")


@dataclass(frozen=True)
class Schema:
    """One family of exports.

    It is recognised by `any_of` (at least one) together with `marks` (at least `needed_marks` of them). `aliases` has,
    per field, the spellings of its column, the preferred one first. `required` fields must have a column, `filled`
    ones a value in every row. `versions` name later editions by columns that only they have. `beside` names fields that
    are of use only where another is there too.
    """

    name: str
    label: str
    any_of: frozenset[str]
    marks: frozenset[str]
    needed_marks: int
    aliases: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...]
    filled: frozenset[str]
    provider: str | None = None
    null_text: str | None = None
    hourly: bool = False
    versions: tuple[tuple[str, frozenset[str]], ...] = field(default=())
    beside: Mapping[str, str] = field(default_factory=dict)


_NATIVE_MARKS = frozenset({
    "subscriptionid", "subscriptionguid", "usagedatetime", "pretaxcost", "metercategory", "meterid", "consumedservice",
    "costinbillingcurrency", "chargetype",
})  # fmt: skip

_NATIVE_ALIASES: Mapping[str, tuple[str, ...]] = {
    "scope": ("subscriptionid", "subscriptionguid"),
    "date": ("date", "usagedatetime", "usagedate"),
    "cost": ("costinbillingcurrency", "cost", "pretaxcost"),
    "currency": ("billingcurrency", "billingcurrencycode", "currency"),
    "pricing_cost": ("costinpricingcurrency",),
    "pricing_currency": ("pricingcurrency", "pricingcurrencycode"),
    "usd_cost": ("costinusd",),
    "service": ("consumedservice",),
    "category": ("metercategory",),
    "charge": ("chargetype",),
    "eligible": ("isazurecrediteligible",),
    "account": ("billingaccountid",),
    "period": ("billingperiodstartdate", "billingperiodstart"),
    "pricing_model": ("pricingmodel",),
    "reservation": ("reservationid",),
    "benefit": ("benefitid",),
}

FOCUS = Schema(
    name="focus-1.0",
    label="FOCUS",
    any_of=frozenset({"billedcost", "chargeperiodstart", "chargecategory", "subaccountid"}),
    marks=frozenset({"billedcost", "chargeperiodstart", "chargecategory", "subaccountid", "servicecategory"}),
    needed_marks=3,
    aliases={
        "provider": ("providername",),
        "scope": ("subaccountid",),
        "date": ("chargeperiodstart",),
        "cost": ("billedcost",),
        "currency": ("billingcurrency",),
        "usd_cost": ("x_billedcostinusd",),
        "pricing_cost": ("pricingcurrencyeffectivecost",),
        "pricing_currency": ("pricingcurrency",),
        "effective": ("effectivecost",),
        "service": ("servicename",),
        "category": ("servicecategory",),
        "charge": ("chargecategory",),
        "eligible": ("x_skuiscrediteligible",),
        "account": ("billingaccountid",),
        "period": ("billingperiodstart",),
    },
    required=("provider", "scope", "date", "cost", "currency", "service", "category", "charge"),
    filled=frozenset({"provider", "date", "currency", "charge"}),
    null_text="NULL",
    hourly=True,
    versions=(
        ("focus-1.2", frozenset({"billingaccounttype", "subaccounttype", "pricingcurrency", "invoiceid"})),
        ("focus-1.1", frozenset({
            "skumeter", "skupricedetails", "servicesubcategory", "capacityreservationid", "commitmentdiscountquantity",
        })),
    ),
    beside={"pricing_cost": "effective"},
)

MCA = Schema(
    name="mca",
    label="Microsoft Customer Agreement",
    any_of=frozenset({"costinpricingcurrency", "pricingcurrency", "costinusd", "exchangeratepricingtobilling"}),
    marks=_NATIVE_MARKS,
    needed_marks=2,
    aliases=_NATIVE_ALIASES,
    required=("scope", "date", "cost", "currency", "service", "category", "charge"),
    filled=frozenset({"date", "currency", "charge"}),
    provider="azure",
)

EA_ACTUAL = Schema(
    name="ea-actual",
    label="Enterprise Agreement",
    any_of=frozenset({"billingaccountid"}),
    marks=_NATIVE_MARKS,
    needed_marks=2,
    aliases=_NATIVE_ALIASES,
    required=("scope", "date", "cost", "currency", "service", "category", "charge"),
    filled=frozenset({"date", "currency", "charge"}),
    provider="azure",
)

PAYG = Schema(
    name="payg",
    label="pay-as-you-go",
    any_of=_NATIVE_MARKS,
    marks=_NATIVE_MARKS,
    needed_marks=3,
    aliases=_NATIVE_ALIASES,
    required=("scope", "date", "cost", "currency", "service", "category"),
    filled=frozenset({"date", "currency"}),
    provider="azure",
)

SCHEMAS: Final = (FOCUS, MCA, EA_ACTUAL, PAYG)
"""All schemas, the one with the more telling marks first."""


@dataclass(frozen=True)
class Layout:
    """How one file's header fits a schema: `columns` is field -> position, `header` the names as the file has them."""

    schema: Schema
    name: str
    header: tuple[str, ...]
    columns: Mapping[str, int]
    parquet: bool = False

    def column(self, name: str) -> str:
        """The file's own name of a field's column; empty where it has none."""
        return self.header[self.columns[name]].strip() if name in self.columns else ""


def plain_name(column: str) -> str:
    """The name by which a column is known: English part, lower case, no spaces."""
    localised = re.fullmatch(r".*[(（]([^()（）]+)[)）]\s*", column.strip(), re.DOTALL)
    return "".join((localised[1] if localised else column).split()).lower()


def recognise(file: str, header: Sequence[str], *, parquet: bool = False) -> Layout:
    """The schema of a file with that header and where its columns are.

    Raises FileRefused for a header of no known schema, a missing required column, or a needed column that is there
    twice.
    """
    line = 0 if parquet else 1
    names = [plain_name(column) for column in header]
    present = frozenset(names)
    schema = next(
        (known for known in SCHEMAS if known.any_of & present and len(known.marks & present) >= known.needed_marks),
        None,
    )
    if schema is None:
        raise FileRefused([FileError(file, line, "", _shown(header), _unknown(header))])
    columns: dict[str, int] = {}
    errors: list[FileError] = []
    for name, aliases in schema.aliases.items():
        found = next((alias for alias in aliases if alias in present), None)
        if found is None:
            if name in schema.required:
                errors.append(_missing(file, line, schema, aliases))
        elif names.count(found) > 1:
            again = [column for column, known in zip(header, names, strict=True) if known == found]
            message = Sentence("is there %(times)s times: once would be right", times=len(again))
            errors.append(FileError(file, line, again[0].strip(), "", message))
        else:
            columns[name] = names.index(found)
    if errors:
        raise FileRefused(errors)
    columns = {name: at for name, at in columns.items() if schema.beside.get(name, name) in columns}
    version = next((name for name, marks in schema.versions if marks & present), schema.name)
    return Layout(schema, version, tuple(header), columns, parquet)


def _missing(file: str, line: int, schema: Schema, aliases: tuple[str, ...]) -> FileError:
    return FileError(
        file, line, aliases[0], "",
        Sentence(
            "this %(schema)s export has no such column, and without it nothing can be counted: %(wanted)s would be "
            "right",
            schema=schema.label, wanted=" / ".join(aliases),
        ),
    )  # fmt: skip


def _shown(header: Sequence[str]) -> str:
    text = ",".join(header)
    return text if len(text) <= 80 else text[:77] + "..."


def _unknown(header: Sequence[str]) -> Sentence:
    if len(header) == 1 and header[0].count(";") > 3:
        return Sentence(
            "the columns are separated by semicolons: the file was saved again by a local tool; "
            "import the export as it was downloaded"
        )
    return Sentence(
        "is the header of no cost export that is known: Azure actual cost (Enterprise Agreement, Microsoft Customer "
        "Agreement or pay-as-you-go) or FOCUS 1.0 to 1.2, as CSV or Parquet, would be right"
    )
