#!/usr/bin/env python3
"""Make a model bundle of Obsmith from principal components that scikit-learn or scanpy fitted.

    python scripts/export/pca.py --model ARRAYS.npz --out BUNDLE

Needs numpy only. ARRAYS.npz is saved where the model is, by numpy.savez, with the arrays

    genes         n names or Ensembl ids, as text
    components    d x n, a row for each component
    pca_mean      n
    scaler_mean   n, may be absent: 0
    scaler_scale  n, may be absent: 1

so that scores are ((x - scaler_mean) / scaler_scale - pca_mean) @ components.T, where x are the natural logarithms of
1 + counts scaled to 10,000 per cell. Of scikit-learn's models:

    numpy.savez("pca.npz", genes=numpy.array(genes, dtype=str), components=pca.components_, pca_mean=pca.mean_,
                scaler_mean=scaler.mean_, scaler_scale=scaler.scale_)

where whiten is on, with components=pca.components_ / numpy.sqrt(pca.explained_variance_)[:, None]. Of scanpy, where
sc.pp.pca saw log-normalised X:

    chosen = adata.var["highly_variable"].to_numpy()
    numpy.savez("pca.npz", genes=adata.var_names[chosen].to_numpy(str), components=adata.varm["PCs"][chosen].T,
                pca_mean=numpy.asarray(adata.X[:, chosen].mean(axis=0)).ravel())

and where it saw X of sc.pp.scale, with scaler_mean=adata.var["mean"][chosen] and scaler_scale=adata.var["std"][chosen];
its max_value is no part of a linear map and cannot be exported.

BUNDLE is made: `bundle.json`, `genes.json`, and each array as little-endian float64; its name becomes the bundle's id.
Where all genes are Ensembl ids, chunks are matched by those (versions are left out), else by name.
"""

import json
import zipfile
from collections import Counter

import numpy as np

from bundle import ENSEMBL_ID, FORMAT, Refused, bundle_arguments, licence_of, sha256_of_file, write_bundle

NEEDED = ("genes", "components", "pca_mean")
SCALER = ("scaler_mean", "scaler_scale")
# Values of method_options.pca.model that are no bundles.
BUILT_IN = ("fit", "pretrained")


def read_arrays(path):
    try:
        with np.load(path, allow_pickle=False) as saved:
            arrays = {name: saved[name] for name in (*NEEDED, *SCALER) if name in saved.files}
            found = ", ".join(saved.files) or "nothing"
    except (AttributeError, OSError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise Refused(f"{path} is no file of numpy.savez with numbers, and genes as text (dtype=str): {error}")
    missing = [name for name in NEEDED if name not in arrays]
    if missing:
        raise Refused(f"{path} lacks {', '.join(missing)}; it has {found}.")
    return arrays


def refuse_mismatch(arrays):
    genes, components = arrays["genes"], arrays["components"]
    if genes.ndim != 1 or genes.dtype.kind not in "UT" or genes.size == 0:
        raise Refused(f"genes is {genes.dtype} of shape {genes.shape}; a list of text was expected.")
    if components.ndim != 2 or components.shape[1] != genes.size or components.shape[0] == 0:
        raise Refused(f"components has the shape {components.shape}; components x {genes.size} genes were expected.")
    for name in ("components", "pca_mean", *SCALER):
        array = arrays.get(name)
        if array is None:
            continue
        if name != "components" and array.shape != genes.shape:
            raise Refused(f"{name} has the shape {array.shape}; one value for each of {genes.size} genes was expected.")
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise Refused(f"{name} ({array.dtype}) has values that are no finite numbers.")
    if "scaler_scale" in arrays and not (arrays["scaler_scale"] > 0).all():
        raise Refused("scaler_scale has values that are not above 0; scikit-learn and scanpy have 1 for constant genes.")


def gene_ids(genes):
    """Genes as chunks name them, and how they are matched."""
    names = [str(name) for name in genes]
    unversioned = [name.split(".")[0] for name in names]
    ensembl = all(ENSEMBL_ID.fullmatch(name) for name in unversioned)
    ids = unversioned if ensembl else names
    wrong = [gene for gene, times in Counter(ids).items() if times > 1 or gene == ""]
    if wrong:
        raise Refused(f"Each gene needs a name of its own; found twice, or empty: {json.dumps(wrong[:3])}")
    return ids, "ensembl-id" if ensembl else "name"


def export(path, out):
    if out.resolve().name in BUILT_IN:
        raise Refused(f"A bundle cannot be named {out.resolve().name}: method_options.pca.model means another model by it.")
    arrays = read_arrays(path)
    refuse_mismatch(arrays)
    genes, match_by = gene_ids(arrays["genes"])
    files = {
        f"{name}.f64": np.ascontiguousarray(arrays[name], dtype="<f8").tobytes()
        for name in ("components", "pca_mean", *SCALER)
        if name in arrays
    }
    dim = arrays["components"].shape[0]
    description = {
        **FORMAT,
        "id": out.resolve().name,
        "kind": "pca",
        "dim": dim,
        "matchBy": match_by,
        "precision": "fp64",
        "licence": licence_of(path.parent),
        "source": {"arrays": {path.name: sha256_of_file(path)}},
    }
    write_bundle(out, {**files, "genes.json": (json.dumps(genes) + "\n").encode()}, description)
    print(f"{out}: {len(genes)} genes, matched by {match_by} -> {dim} dimensions")


def main():
    arguments = bundle_arguments(__doc__, "arrays saved by numpy.savez").parse_args()
    export(arguments.model, arguments.out)


if __name__ == "__main__":
    main()
