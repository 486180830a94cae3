"""The groups of a part with values beside their raw text; a text that is no value becomes a fault (U1, U2)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from creditsvc.core.scopes import scope_of
from creditsvc.core.sentences import Sentence
from creditsvc.usage.readers.faults import Fault
from creditsvc.usage.readers.grouping import committed_paying
from creditsvc.usage.readers.schemas import AMORTIZED_CATEGORIES, TEXT_FIELDS, Layout
from creditsvc.usage.readers.values import Cost, NoValue, cost_of, currency_of, day_of, eligible_of, provider_of

_AMORTIZED = Sentence(
    "this is amortized data (usage under a reservation or savings plan that carries cost): credit is drawn by actual "
    "cost, and both together would count twice; export actual cost instead"
)
_NOT_GIVEN = ("", "NULL")


@dataclass(frozen=True)
class Judged:
    """The groups of one part and the faults in them.

    Beside the raw text the groups have `of` (provider), `where` (scope, null for none), `day`, `style` (how the day is
    written), `billed` and `pricing` (currencies), `payable` (from credit), `kind` (charge type), whole sums, and per
    further cost `<cost>_given`.
    """

    groups: pl.DataFrame
    faults: tuple[Fault, ...]


def judge(groups: pl.DataFrame, part: int, layout: Layout, costs: Sequence[str], blank_tail: int) -> Judged:
    """The values of the groups of part number `part`, which were grouped with `costs`."""
    judge_ = _Judge(_without_tail(groups, blank_tail), part, layout)
    for name in costs:
        judge_.odd_costs(name)
    judge_.dates()
    judge_.values("currency", "billed", pl.String(), currency_of)
    judge_.values("eligible", "payable", pl.Boolean(), eligible_of)
    judge_.values("charge", "kind", pl.String(), kind_of)
    judge_.providers_and_scopes()
    judge_.amortized()
    pricing = pl.col("pricing_currency").str.strip_chars().str.to_uppercase().alias("pricing")
    judged = judge_.groups.with_columns(pricing, pl.col("payable").fill_null(True), pl.col("kind").fill_null("usage"))
    return Judged(judged, tuple(judge_.faults))


def kind_of(text: str) -> str:
    """A charge type in lower case without spaces."""
    return "".join(text.split()).lower()


def _without_tail(groups: pl.DataFrame, blank_tail: int) -> pl.DataFrame:
    """Empty lines behind the last row are no rows; one between rows stays, and is a fault since its cost is missing."""
    if not blank_tail:
        return groups
    blank = pl.all_horizontal(*(pl.col(name).is_null() for name in TEXT_FIELDS)) & (pl.col("cost_odd") == "")
    rows = pl.when(blank.fill_null(False)).then(pl.col("rows") - blank_tail).otherwise(pl.col("rows"))
    return groups.with_columns(rows.alias("rows")).filter(pl.col("rows") > 0)


class _Judge:
    """Reads one column of the groups after the other; each distinct text is read once."""

    def __init__(self, groups: pl.DataFrame, part: int, layout: Layout) -> None:
        self.groups = groups
        self.faults: list[Fault] = []
        self._part = part
        self._layout = layout

    def values(self, name: str, into: str, dtype: pl.DataType, rule: Callable[[str], object]) -> None:
        """Add the column `into`: the values of `name` by `rule`, null where the text is empty or wrong."""
        values: dict[str, object] = {}
        wrong: dict[str, Sentence] = {}
        for text in self._texts(name):
            try:
                values[text] = rule(text)
            except NoValue as fault:
                wrong[text] = fault.message
        self._add(name, into, dtype, values)
        self._wrong(name, name, wrong)
        if name in self._layout.schema.filled:
            empty = pl.col(name).fill_null("").str.strip_chars() == ""
            stated = Sentence(
                "is empty: every row of a %(schema)s export has it", schema=self._layout.schema.label
            )
            self._fault(name, empty, lambda _: stated)

    def dates(self) -> None:
        """The charge days and how each is written."""
        self.values("date", "day", pl.Date(), lambda text: day_of(text).day)
        texts = self.groups.filter(pl.col("day").is_not_null())["date"].unique()
        self._add("date", "style", pl.String(), {text: day_of(text).style for text in texts})

    def providers_and_scopes(self) -> None:
        """The provider of each row, and its billing scope as that provider's are written."""
        provider = self._layout.schema.provider
        if provider is None:
            self.values("provider", "of", pl.String(), provider_of)
        else:
            self.groups = self.groups.with_columns(pl.lit(provider).alias("of"))
        pairs = self.groups.select("of", "scope").unique().drop_nulls()
        scopes = pl.Series("where", [scope_of(of, text) for of, text in pairs.iter_rows()], dtype=pl.String)
        self.groups = self.groups.join(pairs.with_columns(scopes), on=["of", "scope"], how="left")

    def odd_costs(self, name: str) -> None:
        """Costs that were not cast, by rule; only the billed cost must be given in every row."""
        odd = f"{name}_odd"
        costs: dict[str, Cost] = {}
        wrong: dict[str, Sentence] = {}
        for text in self.groups[odd].drop_nulls().unique():
            if name != "cost" and text.strip().upper() in _NOT_GIVEN:
                continue
            try:
                costs[text] = cost_of(text)
            except NoValue as fault:
                wrong[text] = fault.message
        self._wrong(name, odd, wrong)
        self._add_costs(name, costs)
        given = pl.col(odd).is_null() | pl.col(odd).is_in(list(costs))
        self.groups = self.groups.with_columns(given.alias(f"{name}_given"))

    def amortized(self) -> None:
        """Usage under a commitment that carries cost, and charge types that only amortized data has (U2)."""
        paying = self.groups.filter(pl.col("committed") & (pl.col("paying") > 0))
        if paying.height:
            count = int(paying["paying"].sum())
            self.faults.append(
                Fault(self._part, "cost", count, committed_paying(), pl.col("cost"), lambda _: _AMORTIZED)
            )
        texts = [text for text in self._texts("charge") if kind_of(text) in AMORTIZED_CATEGORIES]
        self._wrong("charge", "charge", dict.fromkeys(texts, _AMORTIZED))

    def _add_costs(self, name: str, costs: Mapping[str, Cost]) -> None:
        """The sums of groups whose cost was read by rule: the value times the rows, in Python's whole numbers."""
        if not costs:
            return
        odd, steps, rest = f"{name}_odd", f"{name}_steps", f"{name}_rest"
        columns = {column: self.groups[column].to_list() for column in (steps, rest, "paying")}
        for index, (text, rows) in enumerate(self.groups.select(odd, "rows").iter_rows()):
            if text not in costs:
                continue
            cost = costs[text]
            columns[steps][index], columns[rest][index] = cost.steps * rows, cost.rest * rows
            if name == "cost" and any(cost):
                columns["paying"][index] = rows
        self.groups = self.groups.with_columns(
            pl.Series(column, values, dtype=self.groups.schema[column]) for column, values in columns.items()
        )

    def _add(self, name: str, into: str, dtype: pl.DataType, values: Mapping[str, object]) -> None:
        if not values:
            self.groups = self.groups.with_columns(pl.lit(None, dtype=dtype).alias(into))
            return
        texts = pl.Series(list(values), dtype=pl.String)
        new = pl.Series(list(values.values()), dtype=dtype)
        found = pl.col(name).replace_strict(texts, new, default=None, return_dtype=dtype)
        self.groups = self.groups.with_columns(found.alias(into))

    def _texts(self, name: str) -> list[str]:
        """The distinct texts of a column that are not blank."""
        return [text for text in self.groups[name].drop_nulls().unique() if text.strip()]

    def _wrong(self, name: str, column: str, wrong: Mapping[str, Sentence]) -> None:
        if wrong:
            self._fault(name, pl.col(column).is_in(list(wrong)), wrong.__getitem__, pl.col(column))

    def _fault(self, name: str, rows: pl.Expr, say: Callable[[str], Sentence], shown: pl.Expr | None = None) -> None:
        count = int(self.groups.filter(rows)["rows"].sum())
        if count:
            self.faults.append(Fault(self._part, name, count, rows, pl.col(name) if shown is None else shown, say))
