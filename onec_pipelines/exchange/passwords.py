"""Passwords and cookies: what proves who somebody is. Neither is stored, only what a match can be told by.

A hash is `scrypt:N:r:p:salt:key`, with salt and key in base64 for URLs: no character of it means anything to a shell, a
`.env` file or a composition of containers.
"""

import base64
import binascii
import hashlib
import hmac
import secrets

N, R, P = 2**14, 8, 1
"""scrypt's cost: 16 MB and some 50 ms."""
MAX_MEMORY = 64 * 2**20
TOKEN_BYTES = 32
"""256 random bits."""
SALT_BYTES, KEY_BYTES = 16, 32


def hash_password(password: str) -> str:
    """The hash of a password, with a salt of its own."""
    salt = secrets.token_bytes(SALT_BYTES)
    return ":".join(["scrypt", str(N), str(R), str(P), _text(salt), _text(_key(password, salt, N, R, P))])


def is_hash(text: str) -> bool:
    """Whether a text is such a hash, of a cost that this server can bear."""
    try:
        name, n, r, p, salt, key = text.split(":")
        _bytes(salt), _bytes(key)
        return name == "scrypt" and 128 * int(n) * int(r) * int(p) < MAX_MEMORY and (int(n) & (int(n) - 1)) == 0
    except (ValueError, binascii.Error):
        return False


def is_right(user: str, password: str, *, known_user: str, known_hash: str) -> bool:
    """Whether both are the known ones, in the same time and with the same work whichever is wrong."""
    _, n, r, p, salt, key = known_hash.split(":")
    is_password = hmac.compare_digest(_key(password, _bytes(salt), int(n), int(r), int(p)), _bytes(key))
    is_user = hmac.compare_digest(user.encode(), known_user.encode())
    return is_password & is_user


def new_token() -> str:
    """The value of a cookie; it stands in headers and URLs as it is."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_hash(token: str) -> bytes:
    """By which a session is found."""
    return hashlib.sha256(token.encode()).digest()


def sessid_of(token: str) -> str:
    """What modules for 3.1 put into their URLs, which stand in logs: it tells nothing of the cookie."""
    return hashlib.sha256(b"sessid " + token.encode()).hexdigest()[:32]


def _key(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=MAX_MEMORY, dklen=KEY_BYTES)


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, altchars=b"-_", validate=True)
