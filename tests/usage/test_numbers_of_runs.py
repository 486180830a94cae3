"""A number that no row can have is a thing that does not exist, in every door."""

import pytest
from flask import Flask

from creditsvc.config import Config
from creditsvc.core.errors import NotFound
from creditsvc.db import transaction
from creditsvc.usage.operations import confirm_run, discard_run, reverse_run
from creditsvc.usage.rates import find_rate
from creditsvc.usage.reading import find_run
from tests import factories
from tests.jobs.shell import run

NUMBERS = (0, -1, 2**63, 2**64 + 1, 10**40)


@pytest.mark.parametrize("act", [find_run, find_rate, confirm_run, discard_run, reverse_run])
def test_there_is_no_run_and_no_rate_of_a_number_that_no_row_can_have(app: Flask, act):
    for number in (*NUMBERS, 2**63 - 1):
        with pytest.raises(NotFound, match=str(number)):
            transaction(lambda number=number: act(factories.somebody(), number))


def test_the_command_refuses_a_number_that_no_run_can_have(app: Flask, config: Config):
    codes = {number: run(config, "usage", "reverse", "--", number) for number in (*NUMBERS, 2**63 - 1, "9" * 5000)}

    assert [said.code for said in codes.values()] == [2, 2, 1, 1, 1, 1, 2]
    assert f"There is no run {2**63}." in codes[2**63].err
