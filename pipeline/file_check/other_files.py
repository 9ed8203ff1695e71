"""Other files: findings about what a configuration reads beside its prices, as a run reads it."""

from __future__ import annotations

from dataclasses import replace

from market.checks.fixes import add_fix
from market.errors import DataError
from market.panel import Panel
from market.values.inputs import make_panel
from pipeline.config import RunConfig
from pipeline.data_source import load_source
from pipeline.file_check.examination import Examination, list_reasons
from pipeline.own_data.reading import with_own_data
from pipeline.stages.loading import with_scores


def examine_other_files(done: Examination, config: RunConfig) -> tuple[Examination, Panel | None]:
    """Add the findings about traded prices, the universe, scores, series and tables of a configuration.

    Parameters
    ----------
    done : Examination
        Of its prices. If they have a fatal finding, nothing else is read.
    config : RunConfig

    Returns
    -------
    done : Examination
    panel : Panel or None
        What a run would load; None if it would stop.
    """
    data = config.data
    if done.inputs is None or done.exit_code == 2:
        return done, None
    if not any((data.traded, data.universe, data.series, data.tables, config.allocation.esg)):
        return done, make_panel(done.inputs, ())
    try:
        panel, findings = load_source(data, config.output, end=data.end, known_by=None, repeats=True)
        panel, scores = with_scores(panel, config)
        panel, own = with_own_data(panel, data, config.output)
    except DataError as error:
        return replace(done, findings=(*done.findings, *map(add_fix, list_reasons(error)))), None
    known = {finding.message for finding in done.findings}
    found = [add_fix(f) for f in (*findings, *scores, *own) if f.message not in known]
    return replace(done, findings=(*done.findings, *found)), panel
