"""A run without its command line: everything but writing and tracking, told to nobody."""

from rich.console import Console

from pipeline.config import RunConfig, load_config
from pipeline.progress import Reporter
from pipeline.runner.pipeline import Pipeline
from pipeline.store import Store


def pipeline_of(given, *, fresh=False):
    """Return the pipeline of a configuration, or of the file of one, with the store of its output."""
    config = given if isinstance(given, RunConfig) else load_config(given)
    return Pipeline(config, Store(config.output / "store", fresh=fresh), Reporter(Console(quiet=True)))


def evaluated(given):
    """Return the evaluation of a configuration, or of the file of one."""
    pipeline = pipeline_of(given)
    return pipeline.evaluate(pipeline.train(pipeline.prepare()))
