"""The command line: `creditsvc ...` (CONTRACT: section 2). Commands of one subject stand in `commands_*.py`."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click

from creditsvc.jobs.logs import configure_logs, name_run

COMMANDS: Final[Mapping[str, str]] = {
    "activate": "commands_grants:activate_command",
    "backup": "commands_service:backup_command",
    "balance": "commands_reading:balance_command",
    "check-copy": "commands_reading:check_copy_command",
    "consulting": "commands_consulting:consulting_group",
    "demo": "commands_demo:demo_command",
    "init": "commands_service:init_command",
    "licences": "commands_licences:licences_group",
    "load": "commands_load:load_command",
    "mail": "commands_night:mail_group",
    "nightly": "commands_night:nightly_command",
    "programme": "commands_programmes:programme_group",
    "rate": "commands_rates:rate_group",
    "reported": "commands_grants:reported_command",
    "restore": "commands_service:restore_command",
    "scheduler": "commands_service:scheduler_command",
    "serve": "commands_service:serve_command",
    "simulate": "commands_reading:simulate_command",
    "statement": "commands_reading:statement_command",
    "token": "commands_people:token_group",
    "usage": "commands_usage:usage_group",
    "user": "commands_access:user_group",
    "verify": "commands_reading:verify_command",
}
"""Where each command stands."""


class _Commands(click.Group):
    """Imports a command when it is asked for: a shell waits for each start, and no command needs all that others do."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, for the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command = getattr(import_module(f"creditsvc.jobs.{module}"), name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="creditsvc", prog_name="creditsvc")
def main() -> None:
    """Who was granted which cloud credits, what has drawn on them, and what is left."""
    configure_logs()
    name_run()
