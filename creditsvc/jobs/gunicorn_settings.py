"""How gunicorn serves the pages and the API: `gunicorn -c python:creditsvc.jobs.gunicorn_settings ...`."""

from typing import Any

from gunicorn.glogging import Logger

from creditsvc.jobs.deadman import watch
from creditsvc.jobs.logs import configure_logs, formatter


class ServiceLogger(Logger):  # type: ignore[misc]  # gunicorn says no types
    """gunicorn's own lines in the form of all others."""

    def setup(self, cfg: Any) -> None:
        """Called by gunicorn with its settings."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(formatter())


wsgi_app = "creditsvc.app:create_app()"
worker_class = "gthread"
threads = 4
graceful_timeout = 20
timeout = 120
accesslog = None  # addresses of pages may hold the secret of a reset link
errorlog = "-"
logger_class = ServiceLogger
proc_name = "creditsvc"
control_socket_disable = True  # nothing that another service of the same user could meet


def post_fork(server: object, worker: object) -> None:
    """Called by gunicorn in each new worker."""
    configure_logs()


def post_worker_init(worker: Any) -> None:
    """Called by gunicorn in each worker that has loaded the service."""
    watch(worker.wsgi)
