"""Landing page in MLflow's UI: the runs of an experiment, best first, with the main metrics as columns.

By default MLflow's table shows no metrics, and sorting by one adds the models of each run to the list. A shared view,
stored in a tag of the experiment, sets filter, order and columns for all users who open its link.
"""

from __future__ import annotations

import json

KEY = "tangency"
"""Name of the shared view."""
GAP = "answer/sharpe less best baseline"
P_VALUE = "answer/p of the difference"
_COLUMNS = (
    "tags.`verdict`",
    f"metrics.`{GAP}`",
    f"metrics.`{P_VALUE}`",
    "metrics.`answer/net sharpe`",
    "tags.`traded`",
    "tags.`decision`",
)
_VIEW = {
    "searchFilter": "tags.verdict != ''",  # model runs below a run have no verdict
    "orderByKey": f"metrics.`{GAP}`",
    "orderByAsc": False,
    "startTime": "ALL",
    "lifecycleFilter": "Active",
    "modelVersionFilter": "All Runs",
    "datasetsFilter": [],
    "selectedColumns": list(_COLUMNS),
}
NOTE = (
    "Each run is one `tangency run` of this configuration; below it is one run a model. "
    "*answer/sharpe less best baseline* is the net Sharpe ratio of the traded portfolio less that of the best "
    "baseline, a year, *answer/p of the difference* its two-sided p-value for this run alone; the verdict takes "
    "account of all that was tried (*answer/trials*). Metrics *fold/...* have one step a fold: open a run or the "
    "charts to see them through time. The report is the artifact `report.html` of a run."
)
VIEW_TAG = f"mlflow.sharedViewState.{KEY}"
"""Tag that holds the view; only experiments of this project have it."""
TAGS = {
    "mlflow.note.content": NOTE,
    "mlflow.experimentKind": "custom_model_development",  # otherwise the UI opens its view for language models
    VIEW_TAG: json.dumps(_VIEW, sort_keys=True),
}
"""Tags that the page of an experiment needs."""


def page(experiment: str) -> str:
    """Return the address, below the UI's root, of the page of an experiment.

    Parameters
    ----------
    experiment : str
        Id of the experiment.
    """
    return (
        f"#/experiments/{experiment}/runs?workflowType=machine_learning&compareRunsMode=TABLE"
        f"&viewStateShareKey={KEY}"
    )
