"""A process that delivers what is due, for tests that need several or kill one: `python -m tests.mail.deliverer`.

Arguments: the instant it takes for now, and `dies-before-mark` for one that is killed once its mail was accepted.
"""

import os
import signal
import sys
from datetime import datetime

from creditsvc.app import create_app
from creditsvc.config import load_config
from creditsvc.jobs.delivery import deliver
from creditsvc.mail.outbox import ClaimedMail
from creditsvc.mail.smtp import Outcome, sender_for


def main(instant: str, *flags: str) -> None:
    config = load_config()
    with create_app(config).app_context(), sender_for(config) as really_send:

        def send_and_die(mail: ClaimedMail) -> Outcome:
            really_send(mail)
            os.kill(os.getpid(), signal.SIGKILL)
            raise AssertionError("unreachable")

        now = datetime.fromisoformat(instant)
        count = deliver(config, lambda: now, send_and_die if "dies-before-mark" in flags else really_send)
    print(count.sent)


if __name__ == "__main__":
    main(*sys.argv[1:])
