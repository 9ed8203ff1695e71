"""Intraday: whether the rows of a file are those of a market that never closes, whose sessions are days in UTC."""

from __future__ import annotations

import numpy as np

from market.errors import DataError
from market.readers.layouts import read_stamps
from market.sources.opening import open_source
from pipeline.file_check.request import FileRequest

_HOURS = 20
"""Hours of the day at which rows must fall, and at weekends as well."""


def trades_all_hours(request: FileRequest) -> bool:
    """Whether a source has rows at all hours of all days, in UTC or without a time zone.

    Of other intraday rows only the user knows the exchange or the time zone. Nothing is said of a request that names
    sessions, or of a source that cannot be read.
    """
    settings = request.settings
    if settings.sessions is not None:
        return False
    try:
        with open_source(request.source, request.fetch) as opened:
            read = [
                read_stamps(file.path, settings.text_options, settings.date_column) for file in opened.files
            ]
    except DataError:
        return False  # the examination says why
    stamps = [stamp for dates in read for stamp in dates.stamps]
    hours = np.array([stamp.seconds // 3600 for stamp in stamps])
    weekend = np.concatenate([dates.by_text.day_of_week.to_numpy() >= 5 for dates in read])
    if any(stamp.offset for stamp in stamps):
        return False
    return min(len(np.unique(hours[weekend])), len(np.unique(hours[~weekend]))) >= _HOURS
