"""View: what somebody expects of one asset, or of some assets against others, and how surely."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from allocation.errors import InputError
from foundation.types import Bools, Floats


@dataclass(frozen=True)
class View:
    """The average return of the long side less that of the short side will be `value`.

    Attributes
    ----------
    long, short : mapping of str to float
        Assets and their shares within the side, which are scaled to sum to 1: market weights make the shares of
        He and Litterman (1999). Nothing short makes an absolute view.
    value : float
        Expected excess return over one horizon, a fraction (a difference of two where something is short).
    confidence : float, optional
        Between 0 and 1, in the sense of Idzorek (2005): the share of the way from the prior to the view that the
        expected return of the view's portfolio goes if this is the only view. 0 is no view, 1 leaves no doubt.
    variance : float, optional
        Instead of a confidence: variance of the view's error, in squared return over the horizon (a diagonal element
        of Omega). With neither, the variance is that of the prior, tau p Sigma p' (He and Litterman, 1999).
    first, last : int
        Rows of the panel from whose close the view is held, and until; a view must not be older than itself.

    Raises
    ------
    InputError
        If the view says nothing, contradicts itself or holds a number that makes no sense.
    """

    long: Mapping[str, float]
    value: float
    short: Mapping[str, float] = field(default_factory=dict)
    confidence: float | None = None
    variance: float | None = None
    first: int = 0
    last: int | None = None

    def __post_init__(self) -> None:
        """Turn labels into text, and check the view by itself."""
        for side in ("long", "short"):
            shares = getattr(self, side)
            if not hasattr(shares, "items"):
                raise InputError(f"view: {side} is {shares!r}, expected a mapping from asset to share")
            object.__setattr__(self, side, {str(asset): share for asset, share in shares.items()})
        if not self.long:
            raise InputError(f"{self.name}: a view needs an asset on its long side")
        for asset, share in [*self.long.items(), *self.short.items()]:
            if not (math.isfinite(share) and share > 0):
                raise InputError(f"{self.name}: the share of {asset!r} is {share:g}, expected more than 0")
        both = sorted(set(self.long) & set(self.short))
        if both:
            raise InputError(f"{self.name}: {', '.join(map(repr, both))} is on both sides")
        if not math.isfinite(self.value):
            raise InputError(f"{self.name}: the value is {self.value:g}")
        self._check_certainty()

    def _check_certainty(self) -> None:
        if self.confidence is not None and self.variance is not None:
            raise InputError(f"{self.name}: give a confidence or a variance, not both")
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise InputError(f"{self.name}: the confidence is {self.confidence:g}, expected 0 to 1")
        if self.variance is not None and not (math.isfinite(self.variance) and self.variance >= 0):
            raise InputError(f"{self.name}: the variance is {self.variance:g}, expected 0 or more")

    @property
    def name(self) -> str:
        """The view in words."""
        sides = [" + ".join(side) or "nothing" for side in (self.long, self.short)]
        return f"view {sides[0]!r}" + (f" over {sides[1]!r}" if self.short else "")

    def held_at(self, position: int) -> bool:
        """Return whether the view is held at the close of a row."""
        return self.first <= position and (self.last is None or position <= self.last)

    def pick(self, assets: Sequence[str]) -> Floats:
        """Return the view's portfolio, shape (N,): a row of P.

        Raises
        ------
        InputError
            If the view names an asset that does not exist.
        """
        place = {asset: i for i, asset in enumerate(assets)}
        unknown = [asset for asset in (*self.long, *self.short) if asset not in place]
        if unknown:
            raise InputError(
                f"{self.name} names {', '.join(map(repr, unknown))}, which the data does not have; "
                f"it has {', '.join(assets)}"
            )
        row = np.zeros(len(assets))
        for side, sign in ((self.long, 1.0), (self.short, -1.0)):
            total = sum(side.values())
            for asset, share in side.items():
                row[place[asset]] = sign * share / total
        return row


def select_views(
    views: Sequence[View], position: int, assets: Sequence[str], universe: Bools
) -> tuple[list[View], Floats]:
    """Return the views that speak at a row, and their portfolios.

    A view speaks from its first to its last row, with some confidence, if all its assets are in the universe: of
    which of the others it would hold is not for us to guess.

    Parameters
    ----------
    views : sequence of View
    position : int
    assets : sequence of str, length N
    universe : ndarray of bool, shape (N,)

    Returns
    -------
    views : list of View, length K
    picks : ndarray of shape (K, N)
        P of Black and Litterman.
    """
    rows = [(view, view.pick(assets)) for view in views if view.held_at(position) and view.confidence != 0]
    spoken = [(view, row) for view, row in rows if universe[row != 0].all()]
    return [view for view, _ in spoken], np.array([row for _, row in spoken]).reshape(-1, len(assets))
