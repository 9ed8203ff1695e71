"""Arrangement: from columns of a file to values by date and asset, for each layout."""
