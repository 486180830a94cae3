"""Loading exchange rates (U7)."""

from collections.abc import Sequence

from creditsvc.core.rates import parse_rate, rate_text
from creditsvc.onboarding.loading import Item, Loading, Outcome
from creditsvc.usage.rates import add_rate, standing_rate

_NAMES = {"from_currency": "from", "to_currency": "to"}
"""What the file calls the fields of the operation."""


def load_rates(loading: Loading, items: Sequence[Item]) -> None:
    """States the rates that nothing was said of yet; one that is otherwise in the book is refused."""
    loading.each("rates", sorted(items, key=lambda item: item.data["day"]), lambda item: _rate(loading, item))


def _rate(loading: Loading, item: Item) -> Outcome:
    data = item.data
    with item.placed(_NAMES):
        there = standing_rate(data["from_currency"], data["to_currency"], data["day"])
        if there is not None and there.rate != rate_text(parse_rate(data["rate"])):
            raise item.differs("rate", there.rate or "withdrawn")
        if there is not None and there.source != " ".join(data["source"].split()):
            raise item.differs("source", there.source)
        outcome = add_rate(
            loading.caller, from_currency=data["from_currency"], to_currency=data["to_currency"], day=data["day"],
            rate=data["rate"], source=data["source"],
        )
    return "new" if outcome.changed else "same"
