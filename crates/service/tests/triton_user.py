"""What a user of tritonclient from PyPI does, over HTTP and gRPC; prints `same` at its end.

usage: triton_user.py HOST:PORT
"""

import sys

import numpy
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException


def with_client(module, address):
    client = module.InferenceServerClient(url=address)
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("traffic-light")
    metadata = client.get_model_metadata("traffic-light")
    inputs = metadata["inputs"] if isinstance(metadata, dict) else metadata.inputs
    assert len(inputs) == 1
    values = (numpy.arange(3 * 64 * 64) % 97 / 97).astype(numpy.float32).reshape(1, 3, 64, 64)
    tensor = module.InferInput("image", values.shape, "FP32")
    tensor.set_data_from_numpy(values)
    answer = client.infer("traffic-light", [tensor], request_id="seven")
    assert answer.as_numpy("logits").shape == (1, 4)
    named = client.infer(
        "traffic-light", [tensor], outputs=[module.InferRequestedOutput("logits")]
    )
    assert (named.as_numpy("logits") == answer.as_numpy("logits")).all()
    wrong = module.InferInput("image", [1, 3, 64, 32], "FP32")
    wrong.set_data_from_numpy(values[..., :32].copy())
    try:
        client.infer("traffic-light", [wrong])
    except InferenceServerException as error:
        assert "the model takes" in str(error), error
    else:
        raise AssertionError("a wrong shape was taken")
    return answer.as_numpy("logits")


def main():
    address = sys.argv[1]
    over_http = with_client(tritonclient.http, address)
    over_grpc = with_client(tritonclient.grpc, address)
    # As JSON, without the binary extension.
    values = (numpy.arange(3 * 64 * 64) % 97 / 97).astype(numpy.float32).reshape(1, 3, 64, 64)
    tensor = tritonclient.http.InferInput("image", values.shape, "FP32")
    tensor.set_data_from_numpy(values, binary_data=False)
    wanted = tritonclient.http.InferRequestedOutput("logits", binary_data=False)
    client = tritonclient.http.InferenceServerClient(url=address)
    over_json = client.infer("traffic-light", [tensor], outputs=[wanted]).as_numpy("logits")
    assert (over_http == over_grpc).all() and (over_http == over_json).all()
    print("same", " ".join(str(value) for value in over_http.flatten()))


main()
