"""Formats: names of portfolios and numbers as text."""

from __future__ import annotations

import math

LABELS = {
    "equal_weight": "1/N",
    "minimum_variance": "minimum variance",
    "buy_and_hold": "buy and hold",
    "historical_mean": "historical means",
    "no_forecast": "no forecast",
}


def label(portfolio: str) -> str:
    """Return the name of a portfolio for text."""
    return LABELS.get(portfolio, portfolio.replace(":", " ", 1))


def number(value: float, digits: int = 2) -> str:
    """Return a number, or a dash if it is NaN."""
    # Adding 0 turns the -0.0 that rounding leaves into 0.0.
    return f"{round(value, digits) + 0.0:.{digits}f}" if math.isfinite(value) else "–"


def percent(value: float, digits: int = 1) -> str:
    """Return a fraction as a percentage, or a dash if it is NaN."""
    return f"{number(100 * value, digits)} %" if math.isfinite(value) else "–"


def chance(value: float) -> str:
    """Format a p-value; small ones by their bound."""
    return "< 0.001" if value < 0.001 else number(value, 3)


def p_value(value: float) -> str:
    """Format "p = 0.042"; small ones by their bound."""
    text = chance(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"
