"""How machines against models are run: so many steps that are really taken, or until a seeded fault is found."""

from typing import ClassVar

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, run_state_machine_as_test

from tests.sizes import size

STEPS = size(2_000, 6_000)
"""How many steps the machines of seats and of bookings take, on each database."""


class CountingMachine(RuleBasedStateMachine):
    """A machine that counts the steps it took, in all its examples."""

    taken: ClassVar[int] = 0

    @invariant()
    def one_more_was_taken(self) -> None:
        """Asked after each step that was not given up."""
        type(self).taken += 1


def run_examples(machine: type[RuleBasedStateMachine], examples: int, steps: int, quietly: bool = False) -> None:
    """Lets a machine run."""
    quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    run_state_machine_as_test(
        machine,
        # shrinking takes minutes; what is found is printed whole
        settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None, phases=[Phase.generate],
                          suppress_health_check=quiet, database=None, report_multiple_bugs=False,
                          verbosity=Verbosity.quiet if quietly else Verbosity.normal),
    )


def look_for_fault(machine: type[RuleBasedStateMachine], steps: int, series: int = 0) -> None:
    """Lets a machine run that has a seeded fault: it need not be shrunk, only found, and always by the same examples.

    They come in series of six, numbered from `series` on: where it begins decides how soon the fault is found.
    """
    for number in range(series, series + 50):
        run_examples(seed(number)(type(machine.__name__, (machine,), {})), examples=6, steps=steps, quietly=True)


def run_steps(machine: type[CountingMachine], length: int) -> None:
    """Lets a machine run, in examples of at most that length, until it has taken all its steps.

    Many examples end early, so steps are counted and not multiplied out.
    """
    machine.taken = 0
    while machine.taken < STEPS:
        run_examples(machine, -(-(STEPS - machine.taken) // length), length)
