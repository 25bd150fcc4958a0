"""A small writer of ONNX graphs: plain operators, fixed names, byte-identical from run to run."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """Collects nodes and weights; every method returns the name of its output."""

    def __init__(self):
        self.nodes, self.weights = [], []

    def add(self, operator, inputs, output=None, **attributes):
        output = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name, value):
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def conv(self, source, layer, name):
        """Adds a torch convolution layer with its weights."""
        weight = self.constant(f"{name}.weight", layer.weight.detach().float().numpy())
        bias = self.constant(f"{name}.bias", layer.bias.detach().float().numpy())
        return self.add(
            "Conv", [source, weight, bias], kernel_shape=list(layer.kernel_size),
            strides=list(layer.stride), pads=list(layer.padding) * 2,
        )

    def save(self, path, name, inputs, outputs):
        """Writes the model; inputs and outputs are (name, shape) pairs of float32 tensors."""
        def describe(pairs):
            return [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, shape in pairs]

        graph = helper.make_graph(self.nodes, name, describe(inputs), describe(outputs), self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
                                  producer_name="weighbridge-training")
        onnx.checker.check_model(model, full_check=True)
        path.write_bytes(model.SerializeToString(deterministic=True))
