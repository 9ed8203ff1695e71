"""A real MLflow server on loopback, of one worker, that can be killed and started again."""

import os
import signal
import socket
import subprocess
import sys
import time


class Server:
    """Started by `start`, ended by `kill`; it keeps its database and files in `folder`."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.process = None

    def start(self):
        places = {"--backend-store-uri": f"sqlite:///{self.folder / 'server.db'}"}
        places |= {"--artifacts-destination": str(self.folder / "files"), "--host": "127.0.0.1"}
        flags = [text for pair in places.items() for text in pair]
        environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *flags, "--port", str(self.port), "--workers", "1"],
            env=environment | {"MLFLOW_DISABLE_TELEMETRY": "true"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.wait(lambda: socket.create_connection(("127.0.0.1", self.port), 0.2).close())

    def wait(self, action):
        """Return what an action returns, as soon as it raises no OSError."""
        end = time.monotonic() + 60
        while True:
            try:
                return action()
            except OSError:
                assert self.process.poll() is None, "the server ended"
                assert time.monotonic() < end, "the server does not answer"
                time.sleep(0.1)

    def kill(self):
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)  # of the session that it leads: itself and its worker
            self.process.wait()
            self.process = None
