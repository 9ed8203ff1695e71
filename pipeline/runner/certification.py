"""Certification: audit a run for look-ahead, and refuse it if something looked ahead."""

from __future__ import annotations

import json

from foundation.json_text import to_json
from pipeline.audit.audit import audit, refuse
from pipeline.audit.certificate import Certificate
from pipeline.config import RunConfig
from pipeline.files import write_whole
from pipeline.progress import Reporter
from pipeline.runner.descriptions import describe_certificate
from pipeline.stages.results import Evaluated
from pipeline.store import Store, key_of, showing_digest


def certify(done: Evaluated, store: Store, reporter: Reporter) -> Certificate | None:
    """Audit a run for look-ahead, and return a certificate; None if there is no cut.

    Raises
    ------
    LeakError
        If a value looked ahead, or a feature depends on a unit (UnitError). The findings are written to the output
        folder.
    """
    config = done.trained.prepared.config
    if not config.audit.cuts:
        reporter.line("audit", "none: audit.cuts is 0, so there is no certificate")
        return None

    def make() -> Certificate:
        with reporter.bar("audit") as progress:
            return audit(done, progress)

    record = json.dumps(done.record().as_dict(), sort_keys=True)
    key = key_of(record, config.digest(), showing_digest())
    certificate = reporter.stored(store, "audit", key, make, describe_certificate)
    _refuse_leaks(certificate, config, reporter)
    # If the evaluation is too short for a cut, the audit has shown nothing.
    return certificate if certificate.cuts else None


def _refuse_leaks(certificate: Certificate, config: RunConfig, reporter: Reporter) -> None:
    """Write the findings of the audit to the output folder, and raise an error; do nothing if there are none."""
    if not certificate.clean:
        place = config.output / f"{config.name}-leak.json"
        write_whole(place, to_json(certificate.as_dict()).encode())
        reporter.line("", f"all that was found is in {place}")
    refuse(certificate)
