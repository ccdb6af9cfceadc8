#!/usr/bin/env python3
"""Export the encoder of a saved scVI model to a model bundle of Obsmith.

    python scripts/export/scvi.py --model DIR --out BUNDLE

DIR holds `model.pt` as scvi-tools saves it (0.15 or newer; a directory of the scvi-hub, too). Neither scvi-tools nor
the training data are needed: pip install -r scripts/export/requirements.txt. BUNDLE is made: `bundle.json`,
`model.onnx` (log1p of raw counts in, the mean of q(z|x) out) and `genes.json`; its name becomes the bundle's id. The graph is
compared with the same layers in PyTorch, and the error goes into `bundle.json`.

Refused, because the latent mean would not be a function of the counts alone: a latent distribution "ln" (its mean is a
Monte Carlo estimate), and encoders that see the batch or other covariates (a batch that the model has never seen gets
random values). Saves from before 0.15 must be converted by scvi-tools first.
"""

import json
import pickle
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import nn

from bundle import DATA_PICKLE, ENSEMBL_ID, FORMAT, Refused, bundle_arguments, licence_of, sha256_of_file, write_bundle

OPSET = 17
# Epsilon of the batch normalisation in scvi-tools' FCLayers.
BATCH_NORM_EPSILON = 1e-3
LAYER_NORM_EPSILON = 1e-5
# Largest difference between graph and PyTorch that is taken for rounding.
TOLERANCE = 1e-5


class Encoder(nn.Module):
    """The part of scvi-tools' VAE that gives the mean of q(z|x), rebuilt from the saved weights."""

    def __init__(self, weights, log_variational, layer_norm):
        super().__init__()
        self.log_variational = log_variational
        self.layer_norm = layer_norm
        self.linears = nn.ModuleList()
        self.norms = nn.ModuleList()
        prefix = "z_encoder.encoder.fc_layers.Layer {}."
        while f"{prefix.format(len(self.linears))}0.weight" in weights:
            layer = prefix.format(len(self.linears))
            self.linears.append(linear(weights, f"{layer}0."))
            self.norms.append(batch_norm(weights, f"{layer}1."))
        self.mean = linear(weights, "z_encoder.mean_encoder.")

    def forward(self, counts):
        x = torch.log1p(counts) if self.log_variational else counts
        for dense, norm in zip(self.linears, self.norms):
            x = norm(dense(x))
            if self.layer_norm:
                x = nn.functional.layer_norm(x, x.shape[-1:], eps=LAYER_NORM_EPSILON)
            x = torch.relu(x)
        return self.mean(x)


def linear(weights, prefix):
    weight = weights[f"{prefix}weight"]
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.load_state_dict({"weight": weight, "bias": weights[f"{prefix}bias"]})
    return layer


def batch_norm(weights, prefix):
    if f"{prefix}running_mean" not in weights:
        return nn.Identity()
    norm = nn.BatchNorm1d(weights[f"{prefix}weight"].shape[0], eps=BATCH_NORM_EPSILON)
    names = ("weight", "bias", "running_mean", "running_var")
    norm.load_state_dict({name: weights[prefix + name] for name in names}, strict=False)
    return norm


def read_save(folder):
    file = folder / "model.pt"
    if not file.is_file():
        legacy = [name for name in ("model_params.pt", "attr.pkl", "var_names.csv") if (folder / name).is_file()]
        if legacy:
            raise Refused(legacy_save(folder, ", ".join(legacy)))
        raise Refused(f"{folder} has no model.pt. Name the folder that scvi-tools' model.save(...) or the hub wrote.")
    try:
        saved = torch.load(file, map_location="cpu", weights_only=False, pickle_module=DATA_PICKLE)
    except pickle.UnpicklingError as error:
        raise Refused(f"{file} was not opened: {error}") from error
    if "attr_dict" not in saved or "registry_" not in saved["attr_dict"]:
        raise Refused(legacy_save(folder, "model.pt without a registry"))
    return saved


def legacy_save(folder, found):
    return (
        f"{folder} was saved by scvi-tools before 0.15 (found {found}). Convert it with scvi-tools: "
        "scvi.model.SCVI.convert_legacy_save(DIR, NEW_DIR), and export NEW_DIR."
    )


def settings_of(attributes):
    """Arguments of the model: those without a default name of their own come nested, by argument name."""
    given = attributes["init_params_"]
    settings = dict(given.get("non_kwargs", {}))
    for name, value in given.get("kwargs", {}).items():
        settings.update(value if isinstance(value, dict) else {name: value})
    return settings


def refuse_unsupported(registry, settings, genes, weights):
    model = registry.get("model_name", "SCVI")
    if model != "SCVI":
        raise Refused(f"The model is {model}; only SCVI models can be exported.")
    if settings.get("latent_distribution", "normal") != "normal":
        raise Refused(
            f'latent_distribution is "{settings["latent_distribution"]}": scvi-tools estimates its mean by Monte Carlo, '
            "so that no two runs agree. Train with latent_distribution=\"normal\"."
        )
    if settings.get("extra_encoder_kwargs"):
        raise Refused(f"extra_encoder_kwargs are not supported: {settings['extra_encoder_kwargs']}")
    width = weights["z_encoder.encoder.fc_layers.Layer 0.0.weight"].shape[1]
    if width != len(genes):
        raise Refused(
            f"The encoder takes {width} columns for {len(genes)} genes: it also sees the batch or other covariates "
            "(encode_covariates=True), and a batch that it has never seen would get random values. "
            "Train with encode_covariates=False."
        )


def gene_ids(var_names):
    """Ensembl ids without version, by which Obsmith finds genes; names that are none are kept: their columns stay 0."""
    names = [str(name) for name in var_names]
    ensembl = [name for name in names if ENSEMBL_ID.match(name)]
    if 2 * len(ensembl) < len(names):
        raise Refused(
            f"Only {len(ensembl)} of {len(names)} var_names are Ensembl ids (found {', '.join(names[:3])}, ...). "
            "Genes are matched by Ensembl id: rename them in the saved model, or train on Ensembl ids."
        )
    genes = [name.split(".")[0] if ENSEMBL_ID.match(name) else name for name in names]
    twice = sorted({gene for gene in genes if genes.count(gene) > 1}) if len(set(genes)) < len(genes) else []
    if twice:
        raise Refused(f"Genes stand twice among var_names (without version): {', '.join(twice[:3])}")
    return genes


def input_name(encoder):
    """What the graph takes. Few counts of a cell are above 0, so logarithms are cheap outside the graph and dear inside."""
    return "log1p" if encoder.log_variational else "counts"


def build_graph(encoder):
    """The encoder as ONNX: input_name(encoder) (cells x genes) -> latent (cells x dim)."""
    nodes, constants = [], []

    def constant(name, tensor):
        constants.append(numpy_helper.from_array(tensor.detach().numpy().astype(np.float32), name))
        return name

    def node(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    x = input_name(encoder)
    for i, (dense, norm) in enumerate(zip(encoder.linears, encoder.norms)):
        parts = [constant(f"weight_{i}", dense.weight), constant(f"bias_{i}", dense.bias)]
        x = node("Gemm", [x, *parts], f"linear_{i}", transB=1)
        if isinstance(norm, nn.BatchNorm1d):
            names = ("weight", "bias", "running_mean", "running_var")
            parts = [constant(f"norm_{name}_{i}", getattr(norm, name)) for name in names]
            x = node("BatchNormalization", [x, *parts], f"norm_{i}", epsilon=BATCH_NORM_EPSILON)
        if encoder.layer_norm:
            parts = [constant(f"layer_norm_scale_{i}", torch.ones(dense.out_features))]
            x = node("LayerNormalization", [x, *parts], f"layer_norm_{i}", axis=-1, epsilon=LAYER_NORM_EPSILON)
        x = node("Relu", [x], f"relu_{i}")
    mean = encoder.mean
    parts = [constant("weight_mean", mean.weight), constant("bias_mean", mean.bias)]
    node("Gemm", [x, *parts], "latent", transB=1)

    genes = encoder.linears[0].in_features
    graph = helper.make_graph(
        nodes,
        "scvi_encoder",
        [helper.make_tensor_value_info(input_name(encoder), TensorProto.FLOAT, ["cells", genes])],
        [helper.make_tensor_value_info("latent", TensorProto.FLOAT, ["cells", mean.out_features])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model


def compare(encoder, model):
    """Largest absolute difference between graph and PyTorch, over seeded Poisson counts of 16 cells."""
    counts = np.random.default_rng(0).poisson(1.0, (16, encoder.linears[0].in_features)).astype(np.float32)
    with torch.no_grad():
        expected = encoder(torch.from_numpy(counts)).numpy()
    given = np.log1p(counts) if encoder.log_variational else counts
    found = ReferenceEvaluator(model).run(None, {input_name(encoder): given})[0]
    error = float(np.abs(found - expected).max())
    if not error <= TOLERANCE:
        raise SystemExit(f"The exported graph differs from PyTorch by {error}, more than {TOLERANCE}; nothing was written.")
    return {"reference": f"PyTorch {torch.__version__}", "cells": len(counts), "maxAbsoluteError": error}


def plain(value):
    return value if isinstance(value, (int, float, str, bool, type(None))) else str(value)


def export(folder, out):
    saved = read_save(folder)
    weights, attributes = saved["model_state_dict"], saved["attr_dict"]
    registry, settings = attributes["registry_"], settings_of(attributes)
    genes = gene_ids(saved["var_names"])
    refuse_unsupported(registry, settings, genes, weights)
    layer_norm = settings.get("use_layer_norm", "none") in ("encoder", "both")
    encoder = Encoder(weights, settings.get("log_variational", True), layer_norm).eval()
    model = build_graph(encoder)
    description = {
        **FORMAT,
        "id": out.resolve().name,
        "kind": "scvi",
        "dim": encoder.mean.out_features,
        "batching": "any",
        "precision": "fp32",
        "licence": licence_of(folder),
        "source": {
            "weights": {"model.pt": sha256_of_file(folder / "model.pt")},
            "scviTools": registry.get("scvi_version"),
            "settings": {name: plain(value) for name, value in settings.items()},
        },
        "check": compare(encoder, model),
    }
    files = {"model.onnx": model.SerializeToString(), "genes.json": (json.dumps(genes) + "\n").encode()}
    write_bundle(out, files, description)
    error = description["check"]["maxAbsoluteError"]
    print(f"{out}: {len(genes)} genes -> {description['dim']} dimensions; differs from PyTorch by at most {error:.1e}")


def main():
    arguments = bundle_arguments(__doc__, "folder with model.pt").parse_args()
    export(arguments.model, arguments.out)


if __name__ == "__main__":
    main()
