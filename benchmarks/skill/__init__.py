"""Skill board: what a policy makes of the same forecasts on many panels, with one corrected verdict."""
