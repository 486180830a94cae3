"""What is wrong with text that is no CSV, in words that are translated: those of the csv module are English only."""

import csv

from creditsvc.core.sentences import Sentence


def csv_fault(fault: csv.Error) -> Sentence:
    """The predicate of a refusal (`is no proper CSV: ...`) of what csv found; without a reason where none is known."""
    said = str(fault)
    if said == "unexpected end of data":
        return Sentence("is no proper CSV: a quotation mark that opens here is never closed")
    if "expected after" in said:
        return Sentence("is no proper CSV: behind a closing quotation mark the next column must begin, or the line end")
    if said.startswith("field larger than"):
        return Sentence("is no proper CSV: a field is longer than %(most)s characters", most=csv.field_size_limit())
    return Sentence("is no proper CSV")
