"""Values of the parameters of a model, as a search tries them."""

from __future__ import annotations

from collections.abc import Mapping

Value = bool | int | float | str | None
Parameters = Mapping[str, Value]
