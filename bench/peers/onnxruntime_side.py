"""Python's onnxruntime: MODEL THREADS FILE:TYPE:SHAPE…"""

import sys

import onnxruntime

from side_in_python import answer, read


def main() -> None:
    model, threads, *inputs = sys.argv[1:]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(threads)
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feeds = {port.name: read(value) for port, value in zip(session.get_inputs(), inputs, strict=True)}
    answer(f"python onnxruntime {onnxruntime.__version__}", lambda: session.run(None, feeds))


if __name__ == "__main__":
    main()
