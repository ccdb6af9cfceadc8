"""The ONNX graphs of a Geneformer bundle: embeddings, encoder blocks, and pooling of the last block that is kept.

Inputs are `input_ids` and `attention_mask` (int64, cells x length). Two graphs share the file `weights.bin`, which ONNX
Runtime maps into memory:
- standard: operators of ONNX only, for every execution provider; the mask hides padding. Outputs `cls` and `mean`
  (float, cells x dim);
- equal length: attention as the fused operator of ONNX Runtime, which on CPUs never writes the length x length scores.
  Padding would be attended to, so all cells of a batch must have the same length. Its only output is the embedding.
"""

import hashlib

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 9
FUSED = "com.microsoft"
WEIGHTS_FILE = "weights.bin"
# Smaller tensors stand in the graph, where shape inference sees them.
SMALLEST_EXTERNAL_BYTES = 1024
ALIGNMENT = 64


class Weights:
    """Tensors of the model by name, in one file."""

    def __init__(self, tensors):
        self.content = bytearray()
        self.protos = {name: self.place(name, np.asarray(values, np.float32)) for name, values in tensors.items()}
        self.sha256 = hashlib.sha256(self.content).hexdigest()

    def place(self, name, values):
        if values.nbytes < SMALLEST_EXTERNAL_BYTES:
            return numpy_helper.from_array(values.copy(order="C"), name)
        self.content.extend(bytes(-len(self.content) % ALIGNMENT))
        proto = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=values.shape)
        proto.data_location = TensorProto.EXTERNAL
        location = {"location": WEIGHTS_FILE, "offset": len(self.content), "length": values.nbytes}
        for key, value in location.items():
            proto.external_data.add(key=key, value=str(value))
        self.content.extend(values.tobytes(order="C"))
        return proto


def tensors_of(model, blocks):
    """The tensors that the first `blocks` blocks of a BertModel need, laid out as the graphs use them."""
    state = {name: tensor.detach().float().cpu().numpy() for name, tensor in model.state_dict().items()}
    positions = state["embeddings.position_embeddings.weight"] + state["embeddings.token_type_embeddings.weight"][:1]
    tensors = {
        "tokens": state["embeddings.word_embeddings.weight"],
        "positions": positions,
        "norm_scale": state["embeddings.LayerNorm.weight"],
        "norm_bias": state["embeddings.LayerNorm.bias"],
    }
    parts = {
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "attended": "attention.output.dense",
        "inner": "intermediate.dense",
        "outer": "output.dense",
    }
    norms = {"norm1": "attention.output.LayerNorm", "norm2": "output.LayerNorm"}
    for block in range(blocks):
        prefix = f"encoder.layer.{block}."
        for name, source in parts.items():
            tensors[f"{name}_weight_{block}"] = state[f"{prefix}{source}.weight"].T
            tensors[f"{name}_bias_{block}"] = state[f"{prefix}{source}.bias"]
        projections = [tensors[f"{name}_bias_{block}"] for name in ("query", "key", "value")]
        tensors[f"attention_bias_{block}"] = np.concatenate(projections)
        for name, source in norms.items():
            tensors[f"{name}_scale_{block}"] = state[f"{prefix}{source}.weight"]
            tensors[f"{name}_bias_{block}"] = state[f"{prefix}{source}.bias"]
    return tensors


class Graph:
    """Nodes, each named after its only output, and the constants that they use."""

    def __init__(self, config, blocks, weights):
        self.config = config
        self.blocks = blocks
        self.weights = weights
        self.nodes = []
        self.constants = {}

    def weight(self, name):
        self.constants[name] = self.weights.protos[name]
        return name

    def constant(self, name, value, dtype=np.int64):
        self.constants[name] = numpy_helper.from_array(np.array(value, dtype), name)
        return name

    def node(self, kind, inputs, output, domain="", **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def dense(self, x, name, block):
        product = self.node("MatMul", [x, self.weight(f"{name}_weight_{block}")], f"{name}_product_{block}")
        return self.node("Add", [product, self.weight(f"{name}_bias_{block}")], f"{name}_{block}")

    def norm(self, x, name, suffix=""):
        parts = [self.weight(f"{name}_scale{suffix}"), self.weight(f"{name}_bias{suffix}")]
        epsilon = self.config.layer_norm_eps
        return self.node("LayerNormalization", [x, *parts], f"{name}{suffix}", axis=-1, epsilon=epsilon)

    def embeddings(self):
        tokens = self.node("Gather", [self.weight("tokens"), "input_ids"], "token_embeddings")
        shape = self.node("Shape", ["input_ids"], "shape")
        length = self.node("Gather", [shape, self.constant("index_1", 1)], "length")
        range_of = [self.constant("index_0", 0), length, "index_1"]
        places = self.node("Range", range_of, "places")
        positions = self.node("Gather", [self.weight("positions"), places], "position_embeddings")
        return self.norm(self.node("Add", [tokens, positions], "embeddings"), "norm")

    def pool(self, x, pooling, special_tokens):
        """cls: the first place. mean: over all places, without padding and without <cls> and <eos>."""
        if pooling == "cls":
            self.node("Gather", [x, "index_0"], "cls", axis=1)
            return
        axis = self.constant("axis_1", [1])
        counted = self.node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
        if special_tokens:
            lengths = self.node("ReduceSum", ["attention_mask", axis], "lengths", keepdims=1)
            last = self.node("Sub", [lengths, axis], "last_places")
            after_first = self.node("Greater", ["places", "index_0"], "after_first")
            before_last = self.node("Less", ["places", last], "before_last")
            inside = self.node("And", [after_first, before_last], "inside")
            counted = self.node("Cast", [inside], "genes", to=TensorProto.FLOAT)
        column = self.node("Unsqueeze", [counted, self.constant("axis_2", [2])], "column")
        kept = self.node("Mul", [x, column], "kept")
        total = self.node("ReduceSum", [kept, axis], "total", keepdims=0)
        number = self.node("ReduceSum", [counted, axis], "number", keepdims=1)
        self.node("Div", [total, number], "mean")

    def model(self, outputs):
        size = self.config.hidden_size
        value = helper.make_tensor_value_info
        inputs = [value(name, TensorProto.INT64, ["cells", "length"]) for name in ("input_ids", "attention_mask")]
        given = [value(name, TensorProto.FLOAT, ["cells", size]) for name in outputs]
        graph = helper.make_graph(self.nodes, "geneformer", inputs, given, list(self.constants.values()))
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        # Graphs of equal models differ by their weights, too: whoever knows a graph by its sha256 sum knows its model.
        helper.set_model_props(model, {"weights_sha256": self.weights.sha256})
        return model


class StandardGraph(Graph):
    def build(self, special_tokens):
        x = self.embeddings()
        self.head_constants()
        bias = self.padding_bias()
        for block in range(self.blocks):
            attended = self.attention(x, bias, block)
            x = self.norm(self.node("Add", [attended, x], f"residual1_{block}"), "norm1", f"_{block}")
            inner = self.node("Relu", [self.dense(x, "inner", block)], f"active_{block}")
            x = self.norm(self.node("Add", [self.dense(inner, "outer", block), x], f"residual2_{block}"), "norm2", f"_{block}")
        for pooling in ("cls", "mean"):
            self.pool(x, pooling, special_tokens)
        return self.model(["cls", "mean"])

    def head_constants(self):
        heads = self.config.num_attention_heads
        self.constant("heads_shape", [0, 0, heads, self.config.hidden_size // heads])
        self.constant("joined_shape", [0, 0, self.config.hidden_size])
        self.constant("scale", (self.config.hidden_size // heads) ** -0.5, np.float32)

    def padding_bias(self):
        """0 where a token is, the lowest number where padding is; cells x 1 x 1 x length."""
        mask = self.node("Cast", ["attention_mask"], "tokens_mask", to=TensorProto.FLOAT)
        padding = self.node("Sub", [self.constant("one", 1, np.float32), mask], "padding")
        lowest = self.constant("lowest", np.finfo(np.float32).min, np.float32)
        bias = self.node("Mul", [padding, lowest], "padding_row")
        return self.node("Unsqueeze", [bias, self.constant("axes_1_2", [1, 2])], "padding_bias")

    def heads(self, x, name, block, order):
        split = self.node("Reshape", [self.dense(x, name, block), "heads_shape"], f"{name}_split_{block}")
        return self.node("Transpose", [split], f"{name}_heads_{block}", perm=order)

    def attention(self, x, bias, block):
        query = self.node("Mul", [self.heads(x, "query", block, [0, 2, 1, 3]), "scale"], f"query_scaled_{block}")
        key = self.heads(x, "key", block, [0, 2, 3, 1])
        value = self.heads(x, "value", block, [0, 2, 1, 3])
        scores = self.node("MatMul", [query, key], f"scores_{block}")
        masked = self.node("Add", [scores, bias], f"masked_{block}")
        shares = self.node("Softmax", [masked], f"shares_{block}", axis=-1)
        mixed = self.node("Transpose", [self.node("MatMul", [shares, value], f"mixed_heads_{block}")], f"mixed_{block}", perm=[0, 2, 1, 3])
        return self.dense(self.node("Reshape", [mixed, "joined_shape"], f"joined_{block}"), "attended", block)


class EqualLengthGraph(Graph):
    def build(self, pooling, special_tokens):
        x = self.embeddings()
        for block in range(self.blocks):
            # Of the last block, only the first place is needed where that is the embedding.
            asking = self.first_place(x) if pooling == "cls" and block == self.blocks - 1 else x
            x = self.residual_norm(self.attention(asking, x, block), asking, "attended", "norm1", block)
            inner = self.node("Relu", [self.dense(x, "inner", block)], f"active_{block}")
            outer = self.node("MatMul", [inner, self.weight(f"outer_weight_{block}")], f"outer_product_{block}")
            x = self.residual_norm(outer, x, "outer", "norm2", block)
        self.pool(x, pooling, special_tokens)
        return self.model([pooling])

    def first_place(self, x):
        return self.node("Gather", [x, self.constant("first_place", [0])], "first_places", axis=1)

    def attention(self, asking, x, block):
        projected = [
            self.node("MatMul", [source, self.weight(f"{name}_weight_{block}")], f"{name}_{block}")
            for name, source in (("query", asking), ("key", x), ("value", x))
        ]
        inputs = [*projected, self.weight(f"attention_bias_{block}")]
        heads = self.config.num_attention_heads
        mixed = self.node("MultiHeadAttention", inputs, f"mixed_{block}", FUSED, num_heads=heads)
        return self.node("MatMul", [mixed, self.weight(f"attended_weight_{block}")], f"attended_product_{block}")

    def residual_norm(self, product, x, dense, norm, block):
        """Sum where Add would do: ONNX Runtime fuses Add and LayerNormalization into an operator that is several times slower on CPUs."""
        bias = self.weight(f"{dense}_bias_{block}")
        return self.norm(self.node("Sum", [product, bias, x], f"{dense}_residual_{block}"), norm, f"_{block}")
