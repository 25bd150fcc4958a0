"""Running the release executable in a data directory of its own, and reading its JSON."""

import json
import os
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Another build can be named, so that a long bench outlives the next `cargo build`.
EXECUTABLE = pathlib.Path(os.environ.get("WEIGHBRIDGE", ROOT / "target" / "release" / "weighbridge"))


class Home:
    """A data directory that is thrown away, with the experiment file inside."""

    def __init__(self, experiment: str):
        self.directory = tempfile.TemporaryDirectory(prefix="wb-bench-")
        self.path = pathlib.Path(self.directory.name)
        self.file = self.path / "bench.toml"
        self.file.write_text(experiment)
        self.environment = {**os.environ, "WEIGHBRIDGE_HOME": str(self.path / "home")}

    def command(self, *arguments: str) -> list[str]:
        return [str(EXECUTABLE), *arguments]

    def run(self, *arguments: str) -> dict:
        """One run to its end; its report."""
        command = self.command("run", str(self.file), "--format", "json", *arguments)
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)} exited {done.returncode}:\n{done.stderr}")
        return json.loads(done.stdout)
