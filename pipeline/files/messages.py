"""Messages for errors of the operating system."""

from __future__ import annotations

import errno

_WHAT_TO_DO = {
    errno.ENOSPC: "free some space and run the same command again: finished stages are kept",
    errno.EDQUOT: "free some space of your quota and run the same command again: finished stages are kept",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f) and run the same command again",
    errno.EROFS: "choose a folder that can be written, such as another `output`",
    errno.EACCES: "give this user permission to it, or choose another place",
    errno.EPERM: "give this user permission to it, or choose another place",
    errno.EIO: "the disk or the connection to it failed: check it, and run the same command again",
}


def explain(error: OSError) -> str:
    """Return one line about an error of the operating system: the file, the reason, and the remedy.

    Parameters
    ----------
    error : OSError

    Returns
    -------
    str
        Such as ``runs/summary.json: No space left on device; free some space and ...``.
    """
    place = error.filename if isinstance(error.filename, str | bytes) else ""
    if isinstance(place, bytes):
        place = place.decode(errors="replace")
    reason = error.strerror or str(error) or type(error).__name__
    advice = _WHAT_TO_DO.get(error.errno or 0, "")
    return f"{place or 'input or output'}: {reason}{f'; {advice}' if advice else ''}"
