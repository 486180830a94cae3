"""Passwords: what is accepted as one, and its hash (argon2id)."""

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from creditsvc.core.errors import RuleBroken

SHORTEST, LONGEST = 12, 200
_HASHER = PasswordHasher()


def hash_password(password: str, email: str = "", field: str = "password") -> str:
    """The hash to keep. Takes some 50 ms on purpose.

    Raises RuleBroken(field, "too-short" | "too-long" | "too-easy").
    """
    if len(password) < SHORTEST:
        raise RuleBroken(field, "too-short", "A password has at least %(least)d characters.", least=SHORTEST)
    if len(password) > LONGEST:
        raise RuleBroken(field, "too-long", "A password has at most %(most)d characters.", most=LONGEST)
    if password.casefold() == email.casefold() or len(set(password)) < 5:
        raise RuleBroken(field, "too-easy", "This password is too easy to guess: choose another one.")
    return _HASHER.hash(password)


def is_right(password_hash: str | None, password: str) -> bool:
    """Whether the password has that hash. Without a hash it does the same work and says no."""
    try:
        _HASHER.verify(password_hash or _nobodys_hash(), password[:LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def is_dated(password_hash: str) -> bool:
    """Whether the hash was made with weaker settings than today's."""
    return _HASHER.check_needs_rehash(password_hash)


def rehash(password: str) -> str:
    """A hash with today's settings of a password that was accepted before; its rules are not asked again."""
    return _HASHER.hash(password)


@cache
def _nobodys_hash() -> str:
    return _HASHER.hash(secrets.token_urlsafe())
