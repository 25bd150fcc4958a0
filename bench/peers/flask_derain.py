"""Flask + PyTorch serving derain: a photo in the body, a JPEG photo back. A plain small program.

The network is the same ONNX file, its operators called as functions of torch
(`torch_side.Network`). Run by waitress or gunicorn, whichever the sweep names:

    flask_derain.py waitress PORT THREADS TORCH_THREADS MODEL
    flask_derain.py gunicorn PORT WORKERS TORCH_THREADS MODEL
"""

import io
import os
import pathlib
import sys

import flask
import numpy
import onnx
import torch
from PIL import Image

from torch_side import Network

QUALITY = 92
ALIGNMENT = 8


def application(model: str, torch_threads: int) -> flask.Flask:
    torch.set_num_threads(torch_threads)
    torch.set_grad_enabled(False)
    network = Network(onnx.load(model))
    app = flask.Flask(__name__)

    @app.get("/health/ready")
    def ready():
        return "ready\n"

    @app.post("/v1/derain")
    def derain():
        pixels = numpy.asarray(Image.open(io.BytesIO(flask.request.get_data())).convert("RGB"))
        height, width, _ = pixels.shape
        if height % ALIGNMENT or width % ALIGNMENT:
            return f"sides must be multiples of {ALIGNMENT}\n", 422
        image = torch.from_numpy(pixels.copy()).permute(2, 0, 1).unsqueeze(0).to(torch.float32) / 255
        (clean,) = network(image.contiguous())
        clean = (clean[0].clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0)
        answer = io.BytesIO()
        Image.fromarray(clean.contiguous().numpy()).save(answer, "JPEG", quality=QUALITY)
        return answer.getvalue(), 200, {"content-type": "image/jpeg"}

    return app


def main() -> None:
    server, port, many, torch_threads, model = sys.argv[1:]
    if server == "waitress":
        import waitress

        waitress.serve(application(model, int(torch_threads)), host="127.0.0.1", port=int(port), threads=int(many))
    else:
        os.environ |= {"PEER_MODEL": model, "PEER_THREADS": torch_threads}
        os.chdir(pathlib.Path(__file__).resolve().parent)
        # Each worker loads the network itself: torch's threads do not survive a fork.
        command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", many,
                   "--log-level", "error", "flask_derain:of_environment()"]
        os.execv(sys.executable, command)


def of_environment() -> flask.Flask:
    return application(os.environ["PEER_MODEL"], int(os.environ["PEER_THREADS"]))


if __name__ == "__main__":
    main()
