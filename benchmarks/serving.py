"""Send overlapping requests to `tangency serve`, and compare every answer with a serial one, bit for bit.

    python benchmarks/serving.py                                 20,000 requests from 16 clients
    python benchmarks/serving.py --tangency /other/.venv/bin/tangency    the server of another checkout
    python benchmarks/serving.py --requests 2000 --clients 4

The model is the champion of configs/industries.yaml, trained into a temporary folder by the same `tangency` that serves
it. Requests are tables of the model's last date with changed values and omitted assets. The clients keep their
connections open and send the next request as soon as they have a response. The exit code is 1 if a response is wrong or
missing.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pipeline.export.frozen import Frozen  # noqa: E402

TABLES = 64
"""Number of different tables, so that a response to another request is noticed."""
HEADERS = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Question:
    """A request, and the response that was computed serially.

    Attributes
    ----------
    body : bytes
    answer : list of tuple
        Asset, and `raw` and `mean` as hexadecimal text; "nan" without a forecast.
    """

    body: bytes
    answer: list[tuple[str, str, str]]


def train_champion(tangency: Path, folder: Path) -> tuple[Path, Path]:
    """Train the champion of `industries`, and return its configuration and the folder of its run."""
    content = yaml.safe_load((ROOT / "configs" / "industries.yaml").read_text(encoding="utf-8"))
    config = folder / "industries.yaml"
    config.write_text(yaml.safe_dump(content | {"output": str(folder / "runs")}), encoding="utf-8")
    subprocess.run([tangency, "retrain", "--config", config], check=True, stdout=subprocess.DEVNULL)
    return config, (folder / "runs" / "latest").resolve()


def make_questions(run: Path, number: int = TABLES) -> list[Question]:
    """Return changed tables of a run's last date, with serially computed responses."""
    rng = np.random.default_rng(0)
    model = Frozen(json.loads((run / "model.json").read_text(encoding="utf-8")))
    split = json.loads((run / "inputs.json").read_text(encoding="utf-8"))
    whole = pd.DataFrame(split["data"], columns=split["columns"])
    features = [name for name in whole.columns if name not in ("asset", "risk", "baseline")]
    whole = whole.astype(dict.fromkeys([*features, "risk", "baseline"], np.float64))
    questions = []
    for _ in range(number):
        table = whole.sample(int(rng.integers(2, len(whole) + 1)), random_state=int(rng.integers(2**31)))
        table[features] *= rng.normal(1.0, 0.3, (len(table), len(features)))
        data = table.astype(object).where(table.notna(), None).values.tolist()
        request = {"dataframe_split": {"columns": list(table.columns), "data": data}}
        forecast = model.forecast(table)
        questions.append(Question(json.dumps(request).encode(), spell(forecast.to_dict("records"))))
    return questions


def spell(rows: Sequence[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Return the rows of a response as text that is equal only if all bits are equal."""

    def bits(value: float | None) -> str:
        return "nan" if value is None else float(value).hex()

    return [(row["asset"], bits(row["raw"]), bits(row["mean"])) for row in rows]


class Server:
    """`tangency serve` on a free port, in a separate process."""

    def __init__(self, tangency: Path, config: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        command = [str(tangency), "serve", "--config", str(config), "--port", str(self.port)]
        began = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while not self._answers():
            if self.process.poll() is not None or time.perf_counter() - began > 120:
                raise RuntimeError("the server did not start")
            time.sleep(0.05)
        self.start_seconds = time.perf_counter() - began

    def _answers(self) -> bool:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def memory(self) -> float:
        """Return the largest resident memory of the server's processes, in MB."""
        processes = subprocess.run(
            ["ps", "-o", "rss=", "-s", str(self.process.pid)], capture_output=True, text=True, check=False
        )
        return max((int(line) for line in processes.stdout.split()), default=0) / 1024

    def stop(self) -> None:
        """End the processes of the session that the server leads."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(30)


def ask(port: int, questions: Sequence[Question], seed: int, number: int) -> tuple[list[float], Counter[str]]:
    """Send requests one after the other, and return the seconds of each and the counts of endings."""
    rng = np.random.default_rng(seed)
    seconds, endings = [], Counter[str]()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for place in rng.integers(len(questions), size=number):
        question, began = questions[place], time.perf_counter()
        try:
            connection.request("POST", "/invocations", question.body, HEADERS)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            endings[type(error).__name__] += 1
            connection.close()
            continue
        seconds.append(time.perf_counter() - began)
        if response.status != 200:
            endings[f"status {response.status}"] += 1
        else:
            same = spell(json.loads(content)["predictions"]) == question.answer
            endings["same bits" if same else "DIFFERENT"] += 1
    return seconds, endings


def main() -> int:
    """Measure one server, print the figures, and return 1 if a response was wrong or missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--tangency", type=Path, default=Path(sys.executable).parent / "tangency")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        config, run = train_champion(options.tangency, Path(place))
        questions = make_questions(run)
        server = Server(options.tangency, config)
        try:
            ask(server.port, questions, 0, 50)  # warm up: the first requests load modules
            each = -(-options.requests // options.clients)
            began = time.perf_counter()
            with ThreadPoolExecutor(options.clients) as pool:
                jobs = [pool.submit(ask, server.port, questions, 1 + n, each) for n in range(options.clients)]
                results = [job.result() for job in jobs]
            wall = time.perf_counter() - began
            memory = server.memory()
        finally:
            server.stop()
    seconds = np.concatenate([result[0] for result in results])
    endings = sum((result[1] for result in results), Counter[str]())
    low, middle, high = (1000 * np.quantile(seconds, q) for q in (0.5, 0.9, 0.99))
    print(f"{endings.total()} requests from {options.clients} clients: {dict(endings)}")
    print(
        f"p50 {low:.1f} ms, p90 {middle:.1f} ms, p99 {high:.1f} ms, {len(seconds) / wall:.0f} requests a second"
    )
    print(f"started in {server.start_seconds:.1f} s, {memory:.0f} MB")
    return int(set(endings) != {"same bits"})


if __name__ == "__main__":
    sys.exit(main())
