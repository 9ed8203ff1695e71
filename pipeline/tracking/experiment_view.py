"""The page of MLflow's UI on which users land: runs of an experiment, the best first, with what matters beside them.

MLflow's table shows no metric until somebody chooses columns, and sorting it by one brings the models of each run
into the list. A view that is shared by a tag of the experiment sets filter, order and columns for everybody who opens
its link.
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
    "searchFilter": "tags.verdict != ''",  # models below a run have none
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
"""The tag that holds the view; only experiments of this project have it."""
TAGS = {
    "mlflow.note.content": NOTE,
    "mlflow.experimentKind": "custom_model_development",  # or the UI opens it in its view for language models
    VIEW_TAG: json.dumps(_VIEW, sort_keys=True),
}
"""Tags that an experiment needs for its page."""


def page(experiment: str) -> str:
    """Return the address, below the UI's root, of the page of an experiment.

    Parameters
    ----------
    experiment : str
        Its id.
    """
    return (
        f"#/experiments/{experiment}/runs?workflowType=machine_learning&compareRunsMode=TABLE"
        f"&viewStateShareKey={KEY}"
    )
