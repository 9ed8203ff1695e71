"""Constraints: named limits, their numerical form, feasibility, and base classes of allocators."""
