"""Secrets: environment variables in addresses, and addresses without their secrets."""

from __future__ import annotations

import os
import re

from market.errors import SourceError

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PARAMETERS = (
    r"(?:[\w-]*(?:passw(?:or)?d|pwd|passphrase|secret|token|api_?key|apikey|access_?key|signature|credential)[\w-]*"
    r"|key|sig|auth)"
)
"""Names of parameters of an address that hold secrets."""
_QUERY = re.compile(rf"(?i)([?&;]{_PARAMETERS}=)([^&#;\s]*)")
_USER = re.compile(r"(?<=://)([^/?#@:\s]*):([^/?#\s]*)(?=@)")


def expand_variables(text: str, what: str) -> str:
    """Replace each `${NAME}` by the environment variable of that name.

    Raises
    ------
    SourceError
        If a variable is not set; the message names it, and calls the text `what`.
    """

    def replace(found: re.Match[str]) -> str:
        value = os.environ.get(found[1])
        if not value:
            raise SourceError(
                f"{what}: the environment variable {found[1]} is not set; set it before you start Tangency"
            )
        return value

    return VARIABLE.sub(replace, text)


def find_secret(address: str) -> str:
    """Return where an address holds a secret as plain text ("password" or the name of a parameter), or ""."""
    user = _USER.search(address)
    if user is not None and user[2] and not VARIABLE.fullmatch(user[2]):
        return "the password"
    for found in _QUERY.finditer(address):
        if found[2] and not VARIABLE.fullmatch(found[2]):
            return f"the parameter {found[1][1:-1]!r}"
    return ""


def hide_secrets(address: str) -> str:
    """Return an address with its password and secret parameters as ***; `${NAME}` stays."""

    def hide(found: re.Match[str]) -> str:
        shown = found[2] if not found[2] or VARIABLE.fullmatch(found[2]) else "***"
        joint = "" if found[1].endswith("=") else ":"
        return f"{found[1]}{joint}{shown}"

    return _QUERY.sub(hide, _USER.sub(hide, address))


def clean_message(error: BaseException, *addresses: str) -> str:
    """Return the text of an error in one line, without the secrets of expanded addresses.

    Parameters
    ----------
    error : BaseException
    *addresses : str
        Addresses after `expand_variables`.
    """
    text = " ".join(str(error).split())
    for address in addresses:
        secrets = [found[2] for pattern in (_USER, _QUERY) for found in pattern.finditer(address)]
        for secret in sorted({each for each in secrets if each}, key=len, reverse=True):
            text = text.replace(secret, "***")
    return hide_secrets(text)
