"""A real MLflow server on loopback that can be killed and started again."""

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
        # What `mlflow server` starts in a process of its own after seven seconds of imports, with what it tells it.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "mlflow.server.fastapi_app:app", "--port", str(self.port)],
            env=os.environ
            | {
                "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{self.folder / 'server.db'}",
                "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
                "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(self.folder / "files"),
                "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
                "MLFLOW_DISABLE_TELEMETRY": "true",
            },
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
            os.killpg(self.process.pid, signal.SIGKILL)  # of the session that it leads
            self.process.wait()
            self.process = None
