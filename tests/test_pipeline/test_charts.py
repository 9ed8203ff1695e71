import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from pipeline.charts import log_wealth


@pytest.mark.parametrize("growth", [1.001, 1.1, 0.3, 3, 6, 40, 99, 700, 1e6])
def test_wealth_has_a_few_numbers_beside_it_however_far_it_went(growth):
    figure = Figure()
    axis = figure.subplots()
    axis.plot(np.geomspace(1, growth, 50))
    log_wealth(axis)
    figure.savefig(io.StringIO(), format="svg")
    low, high = axis.get_ylim()
    shown = [tick.get_text() for tick in axis.get_yticklabels() if low <= tick.get_position()[1] <= high]
    assert 2 <= len(shown) <= 8
    assert len(set(shown)) == len(shown)
    assert "1" in shown
    assert not axis.yaxis.get_minorticklocs().size
