"""Compare Tangency's Alpha158 features with Qlib's: values and speed, on the same random bars, on one thread.

Qlib needs a separate environment: `python -m venv q && q/bin/pip install pyqlib==0.9.7`. Then run
`.venv/bin/python benchmarks/alpha158_qlib.py --qlib q/bin/python [dates x assets ...]`, for instance `500x50 2000x100`.

For each size it prints

- the largest difference of any feature except CORR, and of CORR: once against Qlib's output (single precision), and
once
  against Qlib's own expressions in double precision on a few assets;
- the ratio of Qlib's CPU time to Tangency's: medians of interleaved rounds, after a warm-up round that compiles and
  allocates memory. Qlib's caches are off; its time is that of `D.features`, including reading its files.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

for library in ("OMP", "OPENBLAS", "NUMBA"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import numpy as np  # noqa: E402 - after the number of threads

ROUNDS = 3
DOUBLES = 3
FIELDS = ("open", "high", "low", "close", "vwap", "volume")


def qlib_side(folder):
    """Run inside Qlib's environment: compute once per line of input, and print the CPU seconds."""
    import qlib
    from qlib.contrib.data.loader import Alpha158DL
    from qlib.data import D
    from qlib.data.data import Cal, ExpressionD
    from qlib.data.storage.file_storage import FileFeatureStorage

    quiet = {"kernels": 1, "expression_cache": None, "dataset_cache": None, "logging_level": 40}
    qlib.init(provider_uri=str(folder), region="us", **quiet)
    fields, names = Alpha158DL.get_feature_config()
    assets = json.loads((folder / "assets.json").read_text())
    days = Cal.calendar()
    print(json.dumps(names), flush=True)
    for line in sys.stdin:
        if line.strip() == "time":
            from qlib.data.cache import H

            H.clear()
            start = time.process_time()
            table = D.features(assets, fields, freq="day")
            spent = time.process_time() - start
            values = np.stack([table.loc[asset].reindex(days).to_numpy() for asset in assets], axis=1)
            np.save(folder / "single.npy", values)
            print(json.dumps(spent), flush=True)
        if line.strip() == "double":
            H.clear()
            read = FileFeatureStorage.__getitem__

            def doubled(self, i, read=read):
                found = read(self, i)
                return found.astype(np.float64) if hasattr(found, "astype") else found

            FileFeatureStorage.__getitem__ = doubled
            out = np.empty((len(days), DOUBLES, len(fields)))
            for k, field in enumerate(fields):
                for j, asset in enumerate(assets[:DOUBLES]):
                    loaded = ExpressionD.get_expression_instance(field).load(asset, 0, len(days) - 1, "day")
                    out[:, j, k] = loaded.reindex(range(len(days))).to_numpy()
            np.save(folder / "double.npy", out)
            print("null", flush=True)


def bars(n_dates, n_assets):
    """Return random bars that single precision represents exactly."""
    rng = np.random.default_rng(0)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, (n_dates, n_assets)), axis=0))
    opened = close * np.exp(rng.normal(0, 0.01, close.shape))
    high = np.maximum(opened, close) * np.exp(np.abs(rng.normal(0, 0.01, close.shape)))
    low = np.minimum(opened, close) * np.exp(-np.abs(rng.normal(0, 0.01, close.shape)))
    vwap = low + (high - low) * rng.uniform(0.2, 0.8, close.shape)
    volume = rng.lognormal(12, 0.5, close.shape)
    values = (opened, high, low, close, vwap, volume)
    return {name: x.astype(np.float32).astype(np.float64) for name, x in zip(FIELDS, values, strict=True)}


def write_qlib(folder, data, dates):
    """Write a data set in Qlib's format: little-endian single precision; the first number is the first row."""
    n_assets = data["close"].shape[1]
    assets = [f"S{j:05d}" for j in range(n_assets)]
    (folder / "calendars").mkdir()
    (folder / "instruments").mkdir()
    (folder / "calendars" / "day.txt").write_text("\n".join(f"{day:%Y-%m-%d}" for day in dates) + "\n")
    span = f"{dates[0]:%Y-%m-%d}\t{dates[-1]:%Y-%m-%d}"
    (folder / "instruments" / "all.txt").write_text("".join(f"{asset}\t{span}\n" for asset in assets))
    (folder / "assets.json").write_text(json.dumps(assets))
    for j, asset in enumerate(assets):
        place = folder / "features" / asset.lower()
        place.mkdir(parents=True)
        for name, x in data.items():
            np.r_[0.0, x[:, j]].astype("<f4").tofile(place / f"{name}.day.bin")


def differences(ours, theirs, names, warm):
    """Return the largest difference of a value relative to its column's root mean square, and the column.

    Returns one pair for all columns except CORR, and one for CORR, which uses the logarithm of volume here and of
    1 + volume in Qlib.
    """
    worst = {False: (0.0, "none"), True: (0.0, "none")}
    for k, name in enumerate(names):
        a, b = ours[warm[k] :, :, k], theirs[warm[k] :, :, k]
        if np.isnan(a).any() or np.isnan(b).any():
            print(
                f"  {name}: {np.isnan(a).sum()} of our values and {np.isnan(b).sum()} of Qlib's are missing"
            )
        apart = float(np.nanmax(np.abs(a - b)) / np.sqrt(np.nanmean(b * b)))
        kind = name.startswith("CORR")
        worst[kind] = max(worst[kind], (apart, name))
    return worst[False], worst[True]


def compare(python, n_dates, n_assets):
    """Compare and time one size."""
    import pandas as pd

    from features.building import build_matrix
    from market.panel import Panel

    dates, data = pd.bdate_range("2000-01-03", periods=n_dates), bars(n_dates, n_assets)
    close = data["close"]
    returns = np.vstack([np.zeros((1, n_assets)), close[1:] / close[:-1] - 1])
    flat = np.zeros(n_dates)
    names_of = tuple(f"S{j:05d}" for j in range(n_assets))
    panel = Panel("bars", dates, names_of, returns, flat, flat, 252, **data)
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        write_qlib(folder, data, dates)
        command = [python, __file__, "--inside", str(folder)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as qlib:

            def ask(question):
                print(question, file=qlib.stdin, flush=True)
                return json.loads(qlib.stdout.readline())

            names = json.loads(qlib.stdout.readline())
            times = {"ours": [], "qlib": []}
            for _ in range(1 + ROUNDS):
                matrix = None  # free its memory for reuse: fresh memory is slow on a virtual machine
                start = time.process_time()
                matrix = build_matrix(panel, include=names, workers=1)
                times["ours"].append(time.process_time() - start)
                times["qlib"].append(ask("time"))
            ask("double")
            qlib.stdin.close()
        single, double = np.load(folder / "single.npy"), np.load(folder / "double.npy")
    places = [matrix.names.index(name) for name in names]
    ours, warm = matrix.values[:, :, places], [matrix.warm[place] for place in places]
    for what, theirs in (("single", single), ("double", double)):
        for apart, name in differences(ours[:, : theirs.shape[1]], theirs, names, warm):
            print(f"  {what} precision: largest difference {apart:.1e} of the column's size, in {name}")
    mine, other = (median(times[who][1:]) for who in ("ours", "qlib"))
    print(f"  ours {mine:.3f} s, Qlib {other:.3f} s of CPU time: Qlib takes {other / mine:.0f} times longer")


def main():
    parser = argparse.ArgumentParser(description="Compare Alpha158 with Qlib.")
    parser.add_argument("sizes", nargs="*", default=["500x50", "2000x100"])
    parser.add_argument("--qlib", default=sys.executable, help="a Python that has pyqlib")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        qlib_side(options.inside)
        return
    check = subprocess.run([options.qlib, "-c", "import qlib"], capture_output=True, text=True, check=False)
    if check.returncode:
        print("pyqlib is not installed here: give --qlib the Python of an environment that has it")
        return
    for size in options.sizes:
        n_dates, n_assets = map(int, size.split("x"))
        print(f"{n_dates} dates, {n_assets} assets, 158 features:")
        compare(options.qlib, n_dates, n_assets)


if __name__ == "__main__":
    main()
