"""Services to be compared: started, waited for, asked by many at once, and what they hold of memory."""

import http.client
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

from weighbridge_runs import EXECUTABLE, ROOT

PHOTO = ROOT / "examples" / "inputs" / "derain" / "coffee.jpg"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Served:
    """A service in processes of its own; ended with everything that it started."""

    def __init__(self, name: str, command: list[str], port: int, environment: dict | None = None):
        self.name, self.port = name, port
        self.process = subprocess.Popen(
            command, env={**os.environ, **(environment or {})}, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        began = time.monotonic()
        while True:
            try:
                if self.ask("GET", "/health/ready")[0] == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() - began > 120:
                self.stop()
                raise SystemExit(f"{name} did not start: {' '.join(command)}")
            time.sleep(0.1)

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict | None = None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.getheaders())
        finally:
            connection.close()

    def memory_bytes(self) -> int:
        """Proportional resident memory of every process of it: pages that are shared count once."""
        total = 0
        for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rsplit(")", 1)[1].split()
                if int(fields[3]) != self.process.pid:  # the session
                    continue
                rollup = (status.parent / "smaps_rollup").read_text()
                total += 1024 * sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
            except OSError:
                continue
        return total

    def saturated(self, photo: bytes, seconds: float, users: int = 8) -> dict:
        """Requests that were answered with a photo in a second, by users who ask without a pause."""
        counts, refused, lock = [], [], threading.Lock()
        begin = time.monotonic() + 0.5  # whatever is answered before is warm-up
        end = begin + seconds

        def user() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
            headers = {"content-type": "image/jpeg", "accept": "image/jpeg"}
            own, others = 0, 0
            while time.monotonic() < end:
                connection.request("POST", "/v1/derain", photo, headers)
                answer = connection.getresponse()
                body = answer.read()
                if begin <= time.monotonic() < end:
                    fits = answer.status == 200 and body[:2] == b"\xff\xd8"
                    own, others = own + fits, others + (not fits)
            connection.close()
            with lock:
                counts.append(own)
                refused.append(others)

        users = [threading.Thread(target=user) for _ in range(users)]
        [one.start() for one in users]
        [one.join() for one in users]
        return {"requests_per_second": round(sum(counts) / seconds, 3), "failed": sum(refused)}

    def stop(self) -> None:
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(20)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()


def weighbridge(name: str, *arguments: str) -> Served:
    """`weighbridge serve --app derain`, on a port of its own."""
    port = free_port()
    command = [str(EXECUTABLE), "serve", "--app", "derain", "--listen", f"127.0.0.1:{port}", *arguments]
    return Served(name, command, port)
