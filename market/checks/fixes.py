"""Fixes: what to do about a finding whose message does not say it apart from the evidence."""

from __future__ import annotations

from dataclasses import replace

from market.findings import Finding

_FIXES = {
    "calendar gap": "add the missing dates, or check that the exchange was closed",
    "missing value": "supply the values, or leave the cells empty if the asset was not traded",
    "starts late": "nothing, if it was listed then",
    "ends early": "nothing, if it was delisted then",
    "stale run": "remove values that were not traded, or set data.calendar if a market was closed",
    "possible split": "adjust the earlier prices for the split, if there was one",
    "implausible move": "compare with another source",
    "percent": "set data.values: percent_returns if the values are percent",
    "prices as returns": "set data.values: prices if the values are prices",
    "returns as prices": "set data.values: returns if the values are returns",
    "fractions as percent": "set data.values: returns",
    "impossible return": "correct the cell, leave it empty, or set data.values",
    "impossible volatility": "set data.values to what the file holds",
    "infinite value": "correct the cell, or leave it empty",
    "non-positive price": "correct the cell, leave it empty, or remove the column",
    "empty column": "remove the column (tangency check --fix does)",
    "empty row": "nothing: the row is left out",
    "running period": "set data.running_period: drop",
    "repeated period": "keep one row a period",
    "month start": "date the rows at the end of the month that they describe",
    "carried weekend": "set data.calendar: weekdays",
    "nearly riskless": "name it as data.cash if it is what idle money earns",
    "count as asset": "remove the column",
    "duplicate dates": "keep one row of each date (tangency check --fix drops those that are equal)",
    "unsorted dates": "sort the rows by date (tangency check --fix does)",
    "row numbers": "remove the column (tangency check --fix does)",
    "text in a number column": "write numbers as 4742.83, and leave cells without a value empty",
    "names read otherwise": "nothing, or trim the names in the file (tangency check --fix does)",
    "names that become one": "rename one of the two",
    "no line end": "add a line end if the file is complete",
    "column left out": "nothing: the column is not read",
    "columns not used": "nothing, if the column of prices is the right one",
    "one asset": "nothing, if the price is adjusted for dividends and splits",
    "dates with a time zone": "nothing, if the days are those of the sessions",
    "missing code": "nothing: the cells count as missing",
    "asset name": "rename the asset",
    "asset name like a formula": "rename the assets, or import their columns as text",
    "no asset name": "name the asset in each row",
    "adjusted price not used": "call the adjusted price adj_close",
    "cash": "set data.cash with the kind of its values",
    "cash without a value": "supply the values of cash",
    "high below low": "correct the bar",
    "impossible volume": "correct the cell, or leave it empty",
    "many missing values": "nothing, if the assets were not listed",
}
IN_MESSAGE = "as the message says"
"""What to do about findings whose message says it, such as a file that cannot be read."""


def add_fix(finding: Finding) -> Finding:
    """Return a finding with what to do about it."""
    return finding if finding.fix else replace(finding, fix=_FIXES.get(finding.check, IN_MESSAGE))
