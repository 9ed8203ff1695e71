"""Loading a long file of 15.1 million rows: 3,000 assets on 5,040 dates, in the types that files come in.

Run with `make bench BENCH=large_files`, or `.venv/bin/python benchmarks/large_files.py [assets dates]`. The files are
written to a temporary folder. Each is loaded in a separate process, from its first byte to a checked panel; the time
does not include imports. All panels must have the same bits.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from market.load import load_panel

SIZE = (3000, 5040)


def make_table(n_assets: int, n_dates: int) -> pa.Table:
    rng = np.random.default_rng(0)
    days = pd.bdate_range("2003-01-01", periods=n_dates).to_numpy().astype("datetime64[D]")
    prices = 50 * np.exp(np.cumsum(rng.normal(2e-4, 0.015, (n_dates, n_assets)), axis=0))
    names = pa.array([f"A{n:04d}" for n in range(n_assets)])
    codes = pa.array(np.tile(np.arange(n_assets, dtype=np.int32), n_dates))
    return pa.table(
        {
            "date": pa.array(np.repeat(days, n_assets)),
            "asset": pa.DictionaryArray.from_arrays(codes, names),
            "close": pa.array(prices.round(4).ravel()),
        }
    )


def write_files(folder: Path, n_assets: int, n_dates: int) -> Iterator[Path]:
    """Write one table in several file types, and yield the path of each file."""
    table = make_table(n_assets, n_dates)
    kinds = {
        "csv": (pa.date32(), pa.string()),
        "codes, date32": (pa.date32(), pa.dictionary(pa.int32(), pa.string())),
        "string, date32": (pa.date32(), pa.string()),
        "large_string, timestamp[ns]": (pa.timestamp("ns"), pa.large_string()),
        "string, timestamp[us, UTC]": (pa.timestamp("us", "UTC"), pa.string()),
        "string, dates as text": (pa.string(), pa.string()),
    }
    for name, (date, asset) in kinds.items():
        day = (
            table["date"].cast(pa.timestamp("s")).cast(date) if pa.types.is_timestamp(date) else table["date"]
        )
        columns = [day.cast(date), table["asset"].cast(pa.string()).cast(asset), table["close"]]
        typed = pa.table(columns, names=table.column_names)
        path = folder / (f"{name}.csv" if name == "csv" else f"{name}.parquet")
        if name == "csv":
            pa_csv.write_csv(typed, path, pa_csv.WriteOptions(quoting_style="none"))
        else:
            pa_parquet.write_table(typed, path)
        yield path


def measure(path: Path, results: "multiprocessing.SimpleQueue[tuple[float, float, float, str]]") -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    panel, _ = load_panel("prices", path=path)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    results.put((wall, cpu, peak, panel.digest()))


def rows() -> list:
    from harness import Row

    n_assets, n_dates = (int(text) for text in sys.argv[1:3]) if sys.argv[2:] else SIZE
    context, table_rows, digests = multiprocessing.get_context("spawn"), [], set()
    with tempfile.TemporaryDirectory() as folder:
        for path in write_files(Path(folder), n_assets, n_dates):
            results = context.SimpleQueue()
            process = context.Process(target=measure, args=(path, results))
            process.start()
            wall, cpu, peak, digest = results.get()
            process.join()
            path.unlink()
            digests.add(digest)
            first = table_rows[0].cpu if table_rows else cpu
            table_rows.append(
                Row("large_files", f"{n_assets * n_dates:,} rows", path.stem, wall, cpu, cpu / first, 1, peak)
            )
    if len(digests) > 1:
        sys.exit(f"{len(digests)} different panels were read from one table")
    return table_rows


if __name__ == "__main__":
    from harness import table as print_table

    print(print_table(rows()))
