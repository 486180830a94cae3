"""How keys of licences are kept: encrypted under a keyring, and told apart by a fingerprint that gives nothing away."""

import hmac
import re
import unicodedata

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from creditsvc.config import Config
from creditsvc.core.errors import Conflict

_SPACES_AND_DASHES = re.compile(r"[\s\-\u2010-\u2015]+")


class Keyring:
    """The keys of the service by which those of licences are encrypted, the newest first, and the fingerprint's secret.

    The secret comes from that of the service and not from the keyring, so that a duplicate is found however often the
    keyring was changed; after a change of the service's secret the rotation makes all fingerprints anew.
    """

    def __init__(self, keys: tuple[str, ...], secret_key: str) -> None:
        self._newest = Fernet(keys[0]) if keys else None
        self._all = MultiFernet([Fernet(key) for key in keys]) if keys else None
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"creditsvc: fingerprints of licence keys")
        self._secret = derive.derive(secret_key.encode())

    def require_keys(self) -> MultiFernet:
        """All keys. Raises Conflict("keys", "no-keyring") when none is set."""
        if self._all is None:
            raise Conflict(
                "keys", "no-keyring", "CREDITSVC_LICENCE_KEYS is not set: without it no key of a licence can be kept or"
                " shown",
            )
        return self._all

    def encrypt(self, text: str) -> str:
        """The text under the newest key. Raises Conflict("keys", "no-keyring")."""
        return self.require_keys().encrypt(text.encode()).decode("ascii")

    def decrypt(self, ciphertext: str) -> str:
        """The text, under whichever key it is. Raises Conflict("keys", "no-keyring" | "not-of-this-keyring")."""
        try:
            return self.require_keys().decrypt(ciphertext.encode("ascii")).decode()
        except (InvalidToken, UnicodeError):
            raise Conflict(
                "keys", "not-of-this-keyring", "no key of CREDITSVC_LICENCE_KEYS opens it: put the one back under which"
                " it was encrypted, behind the newest",
            ) from None

    def is_under_newest(self, ciphertext: str) -> bool:
        """Whether the newest key opens it. Raises Conflict("keys", "no-keyring")."""
        self.require_keys()
        assert self._newest is not None
        try:
            self._newest.decrypt(ciphertext.encode("ascii"))
        except (InvalidToken, UnicodeError):
            return False
        return True

    def fingerprint(self, text: str) -> str:
        """What two spellings of one key share, and nobody without the secret can try texts against."""
        return hmac.digest(self._secret, normalised(text).encode(), "sha256").hex()


def keyring_of(config: Config) -> Keyring:
    """The keyring that the settings name; without keys it refuses to keep or show any."""
    return Keyring(config.licence_keys, config.secret_key)


def normalised(text: str) -> str:
    """A key as it is compared: capitals, spaces and dashes make no other key of it."""
    return _SPACES_AND_DASHES.sub("", unicodedata.normalize("NFKC", text)).upper()
