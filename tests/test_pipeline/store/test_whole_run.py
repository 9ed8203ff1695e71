"""What whole runs store comes back as it was made."""

from identical import difference
from rich.console import Console

from pipeline.export.publication import load_or_make_artifacts
from pipeline.progress import Reporter
from pipeline.store import Store
from pipeline.store.types import STORABLE, name_of


def test_what_runs_store_comes_back_bit_for_bit(runs):
    seen = set()
    for _, store in runs:
        for (stage, key), value in store.made.items():
            assert difference(value, store.peek(stage, key), stage) == ""
            seen |= _types_in(value)
    # Leaks are found in runs that fail, and nothing else is left out.
    assert seen == STORABLE - {"pipeline.audit.certificate:Leak"}


def _types_in(value):
    name = name_of(type(value))
    found = set() if name is None else {name}
    if isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, tuple | list):
        inner = value
    else:
        inner = vars(value).values() if name and hasattr(value, "__dict__") else ()
    return found.union(*map(_types_in, inner))


def test_a_second_run_reuses_everything_and_gives_the_same(runs):
    config, store = runs[0]
    (made,) = [value for (stage, _), value in store.made.items() if stage == "published"]
    reporter = Reporter(Console(quiet=True))
    again = load_or_make_artifacts(config, Store(config.output / "store"), reporter)
    assert difference(made, again) == ""
    assert set(reporter.seconds) == {"data"}  # nothing else was made
