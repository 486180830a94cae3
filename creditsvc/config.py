"""Settings from the environment (CONTRACT: section 3). A wrong value stops the start with a sentence naming it."""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

_FERNET_KEY = re.compile(r"[A-Za-z0-9_-]{43}=", re.ASCII)


class ConfigError(Exception):
    """A setting is wrong; the message names the variable and what would be right."""


@dataclass(frozen=True)
class Config:
    """What the service needs to know of where it runs.

    `smtp_url` is `file:`, `smtp://...` or `smtps://...`; `mail.smtp` reads it, at the start too. `api_rate` is how many
    requests a minute each process answers to an API token; None: without a limit. `licence_keys` encrypt the
    keys of licences, the newest first; without any, none can be imported or shown. `proxies` is how many proxies of
    ours stand before the service: as many addresses at the end of X-Forwarded-For are believed.
    """

    database_url: str
    instance: Path
    secret_key: str
    smtp_url: str
    mail_from: str
    base_url: str
    api_rate: int | None = None
    licence_keys: tuple[str, ...] = field(default=(), repr=False)
    proxies: int = 0

    @property
    def mail_folder(self) -> Path:
        """Where `file:` delivery writes its `.eml` files."""
        return self.instance / "mail"

    @property
    def sqlite_path(self) -> Path | None:
        """The database file when the database is SQLite, else None."""
        prefix = "sqlite:///"
        return Path(self.database_url.removeprefix(prefix)) if self.database_url.startswith(prefix) else None


def load_config(environ: Mapping[str, str] = os.environ) -> Config:
    """Reads and checks the settings. Makes the instance folder and the secret key (mode 0600) if absent.

    Raises ConfigError.
    """
    instance = Path(environ.get("CREDITSVC_INSTANCE") or "instance").resolve()
    try:
        instance.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"CREDITSVC_INSTANCE: {instance} is no folder that can be made ({error.strerror})") from error
    database_url = _database_url(environ.get("CREDITSVC_DATABASE_URL") or f"sqlite:///{instance}/creditsvc.sqlite")
    smtp_url = environ.get("CREDITSVC_SMTP_URL") or "file:"
    mail_from = environ.get("CREDITSVC_MAIL_FROM") or "credits@localhost"
    if mail_from.count("@") != 1 or any(c in mail_from for c in "\r\n"):
        raise ConfigError(f"CREDITSVC_MAIL_FROM: {mail_from!r} is no address; write one such as credits@park.example")
    base_url = (environ.get("CREDITSVC_BASE_URL") or "http://127.0.0.1:8000").rstrip("/")
    if urlsplit(base_url).scheme not in ("http", "https") or not urlsplit(base_url).netloc:
        raise ConfigError(f"CREDITSVC_BASE_URL: {base_url!r} is no address; write one such as https://credits.park.example")
    secret = environ.get("CREDITSVC_SECRET_KEY") or _kept_secret(instance / "secret_key")
    if len(secret) < 16:
        raise ConfigError("CREDITSVC_SECRET_KEY: too short; write at least 16 characters that nobody can guess")
    api_rate = _api_rate(environ.get("CREDITSVC_API_RATE") or "6000")
    licence_keys = _licence_keys(environ.get("CREDITSVC_LICENCE_KEYS") or "")
    proxies = _proxies(environ.get("CREDITSVC_PROXIES") or "0")
    return Config(database_url, instance, secret, smtp_url, mail_from, base_url, api_rate, licence_keys, proxies)


def _proxies(text: str) -> int:
    if text not in tuple("0123456789"):
        raise ConfigError(
            f"CREDITSVC_PROXIES: {text[:40]!r} is no number of proxies; write 1 behind one proxy, 0 behind none"
        )
    return int(text)


def _licence_keys(text: str) -> tuple[str, ...]:
    keys = tuple(key.strip() for key in text.split(",")) if text.strip() else ()
    for number, key in enumerate(keys, start=1):
        if not _FERNET_KEY.fullmatch(key):  # a wrong one may still be half of a secret, so it is not shown
            raise ConfigError(
                f"CREDITSVC_LICENCE_KEYS: key {number} of {len(keys)} is no Fernet key; write 32 random bytes in"
                " URL-safe base64, which has 44 characters and ends in =, the newest key first, with commas between"
            )
    return keys


def _api_rate(text: str) -> int | None:
    if text == "off":
        return None
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 9 and int(text)):
        raise ConfigError(
            f"CREDITSVC_API_RATE: {text[:40]!r} is no number of requests a minute; write one such as 6000, or off"
        )
    return int(text)


def _database_url(url: str) -> str:
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    if url.startswith("postgresql+psycopg://"):
        return url
    if url.startswith("sqlite:///") and len(url) > len("sqlite:///"):
        return "sqlite:///" + str(Path(url.removeprefix("sqlite:///")).resolve())
    shown = url.split("@")[-1]  # what stands before the @ may be a password
    raise ConfigError(
        f"CREDITSVC_DATABASE_URL: {shown!r} is neither sqlite:///path/to/file nor postgresql://user@host/database"
    )


def _kept_secret(path: Path) -> str:
    """The key in the instance folder; the first process to need it makes it, and all others read that one."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_secret(path)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
        file.flush()
        os.fsync(file.fileno())
    return path.read_text(encoding="ascii").strip()


def _read_secret(path: Path) -> str:
    text = path.read_text(encoding="ascii").strip()
    if not text:
        raise ConfigError(f"CREDITSVC_SECRET_KEY: {path} is empty; delete it and start again, or set the variable")
    return text
