"""A statement as a workbook: a sheet of sums, and one for each account with its entries."""

from collections.abc import Iterator, Sequence

from flask_babel import gettext as _

from creditsvc.core.amounts import Unit
from creditsvc.core.days import instant_text
from creditsvc.core.spreadsheets import Cell
from creditsvc.statements.entries import Entry
from creditsvc.statements.reading import AccountStatement, Statement
from creditsvc.web.show import amount, entry_word, exact_money, sentence, unit_word
from creditsvc.workbooks import amount_cell, book_of


def workbook(told: Statement) -> bytes:
    """The statement as an XLSX file, in the language of the page that asks for it."""
    accounts = [(account.view.resource_name, _entries(account)) for account in told.accounts]
    return book_of([(_("Summary"), _summary(told)), *accounts], told.known_at)


def _summary(told: Statement) -> Iterator[Sequence[Cell]]:
    yield (_("Account"), _("Unit"), _("At first"), _("Drawn"), _("No grant covered"), _("At last"), _("Granted"),
           _("Expired"), _("Voided"), _("Not yet usable"), _("Held"), _("Batch"),
           _("Runs out about"), _("At the earliest"), _("At the latest"), _("Will expire unused"))
    for account in told.accounts:
        view, unit = account.view, account.view.unit
        yield (
            view.resource_name, unit_word(unit.name), *(amount_cell(steps, unit) for steps in (
                account.opening, account.drawn, account.uncovered, account.closing, view.granted, view.expired,
                view.voided, view.not_yet, view.held,
            )), view.batch, *_ahead(account),
        )
    yield ()
    yield _("Startup"), told.name
    yield _("First day"), told.first
    yield _("As of"), instant_text(told.as_of)
    yield _("As it was known at"), instant_text(told.known_at)
    yield (_("Amounts are exact: a number where a spreadsheet can keep it (15 digits), else text."),)
    yield (_("When it runs out is an estimate, as is what expires unused; of seats, from when on none is free."),)


def _ahead(account: AccountStatement) -> tuple[Cell, ...]:
    """What is forecast; nothing where that is not known, or nothing is left."""
    view, outlook = account.view, account.outlook
    if outlook is None or not (view.remaining or view.not_yet):
        return ("",) * 4
    return (outlook.run_out or "", outlook.early or "", outlook.late or "",
            amount_cell(outlook.unused_in_all, view.unit))


def _entries(account: AccountStatement) -> Iterator[Sequence[Cell]]:
    unit = account.view.unit
    yield (_("Day"), _("What"), _("Grant"), _("Why"), _("Reason"), _("Amount"), _("Change"), _("Remaining"),
           _("Drawn"), _("No grant covered"), _("Found nothing to give back"), _("Paid from"), _("Batch"))
    for entry in account.entries:
        yield (
            entry.day, entry_word(entry.kind), entry.grant or "", sentence(entry), entry.reason,
            *(amount_cell(steps, unit) for steps in (
                entry.amount, entry.change, entry.remaining, sum(steps for _lot, steps in entry.paid_from),
                entry.uncovered, entry.uncredited,
            )), _paid_from(entry, unit), entry.batch,
        )


def _paid_from(entry: Entry, unit: Unit) -> str:
    return "; ".join(
        f"{lot}: {exact_money(steps, unit.name) if unit.is_money else amount(steps, unit)}"
        for lot, steps in entry.paid_from
    )
