"""A user with prices of their own: a CSV file and a configuration beside it.

Modules are loaded where they are used: the process that hands the tests out reads this file before others begin.
"""

import pytest


@pytest.fixture
def mine(tmp_path):
    """Make a folder with prices.csv and mine.yaml; return a function that rewrites the latter with changes."""
    import yaml
    from own_prices import settings, write_prices

    write_prices(tmp_path / "prices.csv", n_dates=150, n_assets=8, seed=2)

    def write(**changes):
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(settings(tmp_path, 150, **changes), sort_keys=False))
        return path

    write()
    return write
