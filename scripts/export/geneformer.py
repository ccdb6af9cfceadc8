#!/usr/bin/env python3
"""Export a Geneformer checkpoint and its dictionaries to a model bundle of Obsmith.

    python scripts/export/geneformer.py --model DIR --series V1|V2 --token-dictionary F --gene-median F
                                        [--ensembl-mapping F] --out BUNDLE

DIR holds `config.json` and `model.safetensors` or `pytorch_model.bin` as in Geneformer's repository, pretrained or
fine-tuned (BertForMaskedLM, BertForSequenceClassification, ...; a head is dropped). The dictionaries are the pickles of
the same repository and series: token_dictionary_gc104M.pkl, gene_median_dictionary_gc104M.pkl and
ensembl_mapping_dict_gc104M.pkl for V2, those of gc30M for V1, whose mapping says nothing and may be left out.
Nothing but data is read from them. Needs: pip install -r scripts/export/requirements.txt

BUNDLE is made; its name becomes the bundle's id. Embeddings are those of Geneformer's EmbExtractor with emb_layer=-1,
the second to last layer: the last block and the head are not in the graphs. V1: mean over genes, 2,048 tokens. V2: the
<cls> token, 4,096 tokens, of which <cls> and <eos> are two. Both graphs (geneformer_graph.py) are run by ONNX Runtime
and compared with the checkpoint in PyTorch, and the error goes into `bundle.json`.

Refused: other architectures than Geneformer's (BERT with absolute positions and ReLU), quantised checkpoints,
checkpoints that lack weights, and dictionaries that belong to another model or series.
"""

import json
import math
import pickle
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import transformers

from bundle import FORMAT, DataUnpickler, Refused, bundle_arguments, licence_of, sha256_of_file, write_bundle
from geneformer_graph import WEIGHTS_FILE, EqualLengthGraph, StandardGraph, Weights, tensors_of

GRAPH = "model.onnx"
EQUAL_LENGTH_GRAPH = "model-equal-length.onnx"
TARGET_SUM = 10_000
INPUT_SIZE = {"V1": 2048, "V2": 4096}
POOLING = {"V1": "mean", "V2": "cls"}
# Largest difference between graph and PyTorch that is taken for rounding, by the largest value where that is above 1.
TOLERANCE = 1e-5
# Lengths of the cells that graph and PyTorch are compared on, with special tokens.
CHECKED_LENGTHS = (512, 200, 64, 9, 3)


def read_config(folder):
    file = folder / "config.json"
    if not file.is_file():
        raise Refused(f"{folder} has no config.json. Name the folder of a checkpoint, e.g. Geneformer-V2-104M.")
    config = json.loads(file.read_text(encoding="utf-8"))
    expected = {"model_type": "bert", "hidden_act": "relu", "position_embedding_type": "absolute"}
    problems = [
        f"{key} is {json.dumps(config[key])}, expected {json.dumps(value)}"
        for key, value in expected.items()
        if config.get(key, value) != value
    ]
    problems += [f"{key} is set" for key in ("is_decoder", "add_cross_attention", "quantization_config") if config.get(key)]
    if config.get("num_hidden_layers", 0) < 2:
        problems.append(f"num_hidden_layers is {config.get('num_hidden_layers')}: without the last block nothing is left")
    if problems:
        raise Refused(f"{file} is not that of a Geneformer model that can be exported: {'; '.join(problems)}.")
    return config


def weight_files(folder):
    found = sorted(path for pattern in ("*.safetensors", "pytorch_model*.bin") for path in folder.glob(pattern))
    if not found:
        raise Refused(f"{folder} has neither model.safetensors nor pytorch_model.bin.")
    pointer = b"version https://git-lfs"
    for path in found:
        with path.open("rb") as file:
            if file.read(len(pointer)) == pointer:
                raise Refused(f"{path} is a pointer of Git LFS, not the weights. Get them with: git lfs pull")
    return found


def read_model(folder):
    """The encoder in float32, whatever head the checkpoint has; every weight must be there."""
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    model, loading = transformers.BertModel.from_pretrained(
        folder, add_pooling_layer=False, output_loading_info=True, local_files_only=True
    )
    missing = sorted(loading["missing_keys"]) + sorted(str(key) for key in loading["mismatched_keys"])
    if missing:
        raise Refused(f"The weights in {folder} do not fit its config.json: missing or of another shape {', '.join(missing[:5])}.")
    return model.float().eval()


def read_dictionary(path):
    try:
        with path.open("rb") as file:
            found = DataUnpickler(file).load()
    except (pickle.UnpicklingError, EOFError, OSError) as error:
        raise Refused(f"{path} was not opened: {error}") from error
    if not isinstance(found, dict) or not found:
        raise Refused(f"{path} holds {type(found).__name__}, not a dictionary with entries.")
    return found


def vocabulary_of(series, vocabulary_size, tokens, medians, mapping):
    """vocab.json, as core/inference/bundle/README.md says; refuses dictionaries that do not belong to the model."""
    tokens = {name: int(token) for name, token in tokens.items()}
    special = {name: token for name, token in tokens.items() if name.startswith("<")}
    genes = [name for name in tokens if name not in special]
    problems = []
    if sorted(tokens.values()) != list(range(vocabulary_size)):
        problems.append(
            f"the token dictionary has {len(tokens)} entries up to token {max(tokens.values())}, but the model knows the "
            f"tokens 0 to {vocabulary_size - 1}"
        )
    wrapped = {"<cls>", "<eos>"} & special.keys()
    if series == "V2" and len(wrapped) < 2:
        problems.append("the token dictionary lacks <cls> and <eos>, so it is not one of series V2")
    if series == "V1" and wrapped:
        problems.append("the token dictionary has <cls> and <eos>, so it is not one of series V1")
    if "<pad>" not in special:
        problems.append("the token dictionary lacks <pad>")
    unknown = [gene for gene in genes if not usable(medians.get(gene))]
    if unknown:
        problems.append(f"{len(unknown)} of {len(genes)} genes have no median above 0, e.g. {', '.join(unknown[:3])}")
    if problems:
        raise Refused(f"These dictionaries do not belong to this model and series: {'; '.join(problems)}.")
    return {
        "genes": genes,
        "tokens": [tokens[gene] for gene in genes],
        "medians": [float(medians[gene]) for gene in genes],
        "aliases": {name: gene for name, gene in mapping.items() if name != gene and gene in tokens and gene not in special},
        "unmapped": [gene for gene in genes if mapping and gene not in mapping],
        "special": special,
    }


def usable(median):
    return median is not None and math.isfinite(median) and median > 0


def checked_cells(vocabulary, special_tokens, positions):
    """Cells of random genes, padded to the longest: tokens and mask."""
    random = np.random.default_rng(0)
    genes, special = vocabulary["tokens"], vocabulary["special"]
    lengths = [min(length, positions) for length in CHECKED_LENGTHS]
    tokens = np.full((len(lengths), max(lengths)), special["<pad>"], np.int64)
    for row, length in zip(tokens, lengths):
        row[:length] = random.choice(genes, length)
        if special_tokens:
            row[0], row[length - 1] = special["<cls>"], special["<eos>"]
    return tokens, (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)


def expected_outputs(model, tokens, mask, special_tokens):
    """What EmbExtractor computes of hidden_states[-2]: the first token, and the mean without padding and special tokens."""
    with torch.no_grad():
        states = model(torch.from_numpy(tokens), torch.from_numpy(mask), output_hidden_states=True).hidden_states[-2]
    lengths = mask.sum(axis=1)
    first = 1 if special_tokens else 0
    means = [state[first : length - first].mean(dim=0) for state, length in zip(states, lengths)]
    return {"cls": states[:, 0].numpy(), "mean": torch.stack(means).numpy()}


def compare(model, files, vocabulary, special_tokens):
    """Largest absolute difference between each graph, run by ONNX Runtime, and PyTorch."""
    tokens, mask = checked_cells(vocabulary, special_tokens, model.config.max_position_embeddings)
    expected = expected_outputs(model, tokens, mask, special_tokens)
    largest = float(max(np.abs(values).max() for values in expected.values()))
    errors = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        for name in (GRAPH, EQUAL_LENGTH_GRAPH):
            onnx.checker.check_model(str(Path(folder, name)), full_check=True)
            session = onnxruntime.InferenceSession(str(Path(folder, name)), providers=["CPUExecutionProvider"])
            errors[name] = largest_difference(session, tokens, mask, expected, alone=name == EQUAL_LENGTH_GRAPH)
    error = max(errors.values())
    if not error <= TOLERANCE * max(1.0, largest):
        raise SystemExit(f"The exported graphs differ from PyTorch by {errors}; nothing was written.")
    return {
        "reference": f"PyTorch {torch.__version__}, transformers {transformers.__version__}",
        "runtime": f"ONNX Runtime {onnxruntime.__version__}",
        "cells": len(tokens),
        "largestValue": largest,
        "maxAbsoluteError": error,
        "errors": errors,
    }


def largest_difference(session, tokens, mask, expected, alone):
    """All cells in one padded batch, or each alone and without padding."""
    names = [output.name for output in session.get_outputs()]
    if alone:
        rows = [session.run(names, feed(row[None, :length], kept[None, :length])) for row, kept, length in zip(tokens, mask, mask.sum(axis=1))]
        found = [np.concatenate(parts) for parts in zip(*rows)]
    else:
        found = session.run(names, feed(tokens, mask))
    return max(float(np.abs(values - expected[name]).max()) for name, values in zip(names, found))


def feed(tokens, mask):
    return {"input_ids": tokens, "attention_mask": mask}


def export(folder, series, dictionaries, out):
    config = read_config(folder)
    sources = weight_files(folder)
    tokens, medians = (read_dictionary(dictionaries[name]) for name in ("token_dictionary", "gene_median"))
    mapping = read_dictionary(dictionaries["ensembl_mapping"]) if dictionaries["ensembl_mapping"] else {}
    vocabulary = vocabulary_of(series, config["vocab_size"], tokens, medians, mapping)
    model = read_model(folder)
    special_tokens = series == "V2"
    blocks = model.config.num_hidden_layers - 1
    weights = Weights(tensors_of(model, blocks))
    files = {
        GRAPH: StandardGraph(model.config, blocks, weights).build(special_tokens).SerializeToString(),
        EQUAL_LENGTH_GRAPH: EqualLengthGraph(model.config, blocks, weights).build(POOLING[series], special_tokens).SerializeToString(),
        WEIGHTS_FILE: bytes(weights.content),
        "vocab.json": (json.dumps(vocabulary, separators=(",", ":")) + "\n").encode(),
    }
    positions = model.config.max_position_embeddings
    description = {
        **FORMAT,
        "id": out.resolve().name,
        "kind": "geneformer",
        "series": series,
        "dim": model.config.hidden_size,
        "pooling": POOLING[series],
        "hiddenStateIndex": blocks,
        "maxLength": positions,
        "vocabularySize": model.config.vocab_size,
        "tokenizer": {
            "targetSum": TARGET_SUM,
            "specialToken": special_tokens,
            "inputSize": min(INPUT_SIZE[series], positions),
            "tieBreak": "stable",
        },
        "batching": "any",
        "equalLengthGraph": EQUAL_LENGTH_GRAPH,
        "precision": "fp32",
        "licence": licence_of(folder, folder.resolve().parent),
        "source": {
            "weights": {path.name: sha256_of_file(path) for path in sources},
            "dictionaries": {path.name: sha256_of_file(path) for path in dictionaries.values() if path},
            "architectures": config.get("architectures"),
            "layers": model.config.num_hidden_layers,
        },
        "check": compare(model, files, vocabulary, special_tokens),
    }
    write_bundle(out, files, description)
    error = description["check"]["maxAbsoluteError"]
    print(f"{out}: {len(vocabulary['genes'])} genes -> {description['dim']} dimensions; differs from PyTorch by at most {error:.1e}")


def main():
    parser = bundle_arguments(__doc__, "folder with config.json and the weights")
    parser.add_argument("--series", required=True, choices=["V1", "V2"])
    parser.add_argument("--token-dictionary", required=True, type=Path, help="pickle: Ensembl id -> token")
    parser.add_argument("--gene-median", required=True, type=Path, help="pickle: Ensembl id -> median of non-zero expression")
    parser.add_argument("--ensembl-mapping", type=Path, help="pickle: Ensembl id -> Ensembl id of the vocabulary")
    arguments = vars(parser.parse_args())
    dictionaries = {name: arguments[name] for name in ("token_dictionary", "gene_median", "ensembl_mapping")}
    export(arguments["model"], arguments["series"], dictionaries, arguments["out"])


if __name__ == "__main__":
    main()
