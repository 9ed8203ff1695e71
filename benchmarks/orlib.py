"""The published frontiers of the OR-Library (Beasley, 1990; Chang, Meade, Beasley and Sharaiha, 2000), point by point.

    .venv/bin/python benchmarks/orlib.py [folder]

The folder, by default `../shared/data/orlib`, holds port1.txt, portef1.txt and so on from
http://people.brunel.ac.uk/~mastjjb/jeb/orlib/portinfo.html. The published unconstrained frontier is compared with the
exact one by the variance at each published mean. The files give nine digits of a mean and ten of a variance.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from frontier import simplex

from allocation.frontier.frontier_path import efficient_frontier

MARKETS = {1: "Hang Seng", 2: "DAX", 3: "FTSE", 4: "S&P", 5: "Nikkei"}
TOLERANCE = 1e-6


def read(folder: Path, market: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return means, covariance, and the published points (mean, variance)."""
    numbers = np.array((folder / f"port{market}.txt").read_text(encoding="utf-8").split(), dtype=float)
    n = int(numbers[0])
    mean, deviation = numbers[1 : 1 + 2 * n].reshape(n, 2).T
    correlation = np.eye(n)
    for i, j, rho in numbers[1 + 2 * n :].reshape(-1, 3):
        correlation[int(i) - 1, int(j) - 1] = correlation[int(j) - 1, int(i) - 1] = rho
    return mean, correlation * np.outer(deviation, deviation), np.loadtxt(folder / f"portef{market}.txt")


def main() -> None:
    """Compare every market in the folder."""
    here = Path(__file__).resolve().parents[1]
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else here.parent / "shared" / "data" / "orlib"
    markets = [
        m for m in MARKETS if (folder / f"port{m}.txt").exists() and (folder / f"portef{m}.txt").exists()
    ]
    if not markets:
        print(f"orlib: left out, {folder} holds no port1.txt with portef1.txt")
        return
    print("| Market | assets | corners | points | largest error of a variance | as a share | ms |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    worst = 0.0
    for market in markets:
        mu, sigma, published = read(folder, market)
        limits = simplex(len(mu))
        frontier = efficient_frontier(mu, sigma, limits)
        start = time.perf_counter()
        w = efficient_frontier(mu, sigma, limits).at_mean(np.minimum(published[:, 0], frontier.mean[0]))
        took = time.perf_counter() - start
        variance = np.einsum("ij,jk,ik->i", w, sigma, w)
        error = np.abs(variance - published[:, 1])
        share = float((error / published[:, 1]).max())
        worst = max(worst, float(error.max()), share)
        print(
            f"| {MARKETS[market]} | {len(mu)} | {len(frontier.lambdas)} | {len(published)} | {error.max():.1e} | "
            f"{share:.1e} | {1e3 * took:.2f} |"
        )
    if not worst <= TOLERANCE:
        sys.exit(f"a published variance is missed by {worst:.1e}, more than {TOLERANCE:g}")


if __name__ == "__main__":
    main()
