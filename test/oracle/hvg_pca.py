"""Reference choices of highly variable genes and principal components, by scanpy and float64 numpy.

    python test/oracle/hvg_pca.py [REFERENCE_FOLDER]

Needs scanpy 1.11.5, anndata, numpy, scipy, pandas. Writes test/fixtures/hvg-pca/:
- cases.json: small seeded data sets with edge cases (log-normalised float32, base64), and scanpy's choice for each;
- bins.json: pandas.cut into 20 bins;
- pbmc.json, pbmc_scores.f32: the two bundled PBMC files, normalised one by one, then concatenated (join="inner");
- pbmc-24_pca.f32, heart-60_pca.f32 (only with REFERENCE_FOLDER, as for gene_selection.py): X_pca of the original.
"""

import base64
import json
import sys
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import scanpy as sc
from scipy import sparse

warnings.filterwarnings("ignore")
ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "test" / "fixtures" / "hvg-pca"


def choose(x, names, n_top, labels=None):
    """scanpy's choice; ties beyond n_top resolved to the first n_top by (float32) normalised dispersion."""
    data = ad.AnnData(x.copy(), var=pd.DataFrame(index=names))
    if labels is not None:
        data.obs["batch"] = pd.Categorical(labels)
    sc.pp.highly_variable_genes(data, n_top_genes=n_top, batch_key=None if labels is None else "batch")
    chosen = data.var.highly_variable.to_numpy()
    if chosen.sum() > n_top:
        first = data.var.dispersions_norm.nlargest(n_top).index
        chosen = data.var_names.isin(first)
    normalized = data.var.dispersions_norm.astype(float).to_numpy()
    return np.flatnonzero(chosen), normalized


def counts(rng, cells, genes):
    means = rng.lognormal(-0.5, 1.2, genes)
    groups = rng.integers(0, 3, cells)
    effects = rng.lognormal(0, 0.7, (3, genes))
    return rng.negative_binomial(2, 2 / (2 + means * effects[groups])).astype(np.float32)


def log_normalized(x):
    data = ad.AnnData(sparse.csr_matrix(x))
    sc.pp.normalize_total(data, target_sum=1e4)
    sc.pp.log1p(data)
    return data.X.toarray()


def case(name, x, first_cells, n_top, labels=None):
    names = [f"g{(i * 37) % 1000:03d}" for i in range(x.shape[1])]
    genes, normalized = choose(sparse.csr_matrix(x), names, n_top, labels)
    return {
        "name": name,
        "cells": x.shape[0],
        "genes": names,
        "firstCells": first_cells,
        "x": base64.b64encode(x.astype("<f4").tobytes()).decode(),
        "batches": labels,
        "nTop": n_top,
        "chosen": genes.tolist(),
        "normalized": [None if np.isnan(value) else float(value) for value in normalized],
    }


def small_cases():
    rng = np.random.default_rng(20)
    x = counts(rng, 60, 120)
    x[7] = 0
    x[:, 11] = 0
    x[:, 12] = 0
    plain = log_normalized(x)
    plain[:, 30] = 1.5
    thirds = [f"batch {cell % 3}" for cell in range(60)]
    tiny = ["big" if cell < 57 else "pair" if cell < 59 else "alone" for cell in range(60)]
    missing = [None if cell % 7 == 0 else f"batch {cell % 2}" for cell in range(60)]
    tied = plain.copy()
    for copy in range(60, 100):
        tied[:, copy] = tied[:, 60]
    return [
        case("empty cell, absent genes, constant gene", plain, 35, 40),
        case("more genes than there are", plain, 35, 500),
        case("three batches across both chunks", plain, 35, 40, thirds),
        case("batches of two cells and of one", plain, 35, 40, tiny),
        case("cells of no batch", plain, 20, 30, missing),
        case("ties beyond the number asked for", tied, 31, 35),
        case("ties beyond the number asked for, in batches", tied, 31, 35, thirds),
    ]


def bins():
    rng = np.random.default_rng(4)
    values = [rng.lognormal(0, 1, 50), np.linspace(0, 1, 21), np.full(3, 2.5), np.zeros(4), np.array([1.0, 1.0 + 1e-12, 1.0])]
    return [{"values": v.tolist(), "bins": pd.cut(pd.Series(v), bins=20).cat.codes.tolist()} for v in values]


def pbmc():
    parts = []
    for name in ("10k", "5k"):
        data = ad.read_h5ad(ROOT / "resources" / "demo" / f"pbmc_{name}_protein_v3.h5ad")
        data = ad.AnnData(sparse.csr_matrix(data.X).astype(np.float32), obs=pd.DataFrame(index=data.obs_names), var=pd.DataFrame(index=data.var_names))
        sc.pp.normalize_total(data, target_sum=1e4)
        sc.pp.log1p(data)
        parts.append(data)
    data = ad.concat(parts, join="inner", index_unique="-")
    labels = [f"batch {cell % 4}" for cell in range(data.n_obs)]
    labels[17] = "alone"
    names = list(data.var_names)
    expected = {"cells": data.n_obs, "sharedGenes": data.n_vars}
    for key, n_top, batches in (("hvg512", 512, None), ("hvg512Batches", 512, labels), ("hvg2000", 2000, None)):
        genes, _ = choose(data.X, names, n_top, batches)
        expected[key] = [names[gene] for gene in genes]
    columns = [names.index(gene) for gene in expected["hvg2000"]]
    first = [f"batch {cell % 3}" for cell in range(parts[0].n_obs)]
    for key, batches in (("chunk512", None), ("chunk512Batches", first)):
        genes, _ = choose(parts[0].X, list(parts[0].var_names), 512, batches)
        expected[key] = [parts[0].var_names[gene] for gene in genes]
    x = data.X[:, columns].toarray().astype(np.float64)
    mean = x.mean(0)
    values, vectors = np.linalg.eigh(np.cov(x.T))
    values, vectors = values[::-1][:50], vectors[:, ::-1][:, :50].T
    largest = np.argmax(np.abs(vectors), axis=1)
    vectors = vectors * np.sign(vectors[np.arange(50), largest])[:, None]
    expected["explainedVariance"] = values.tolist()
    expected["explainedVarianceRatio"] = (values / np.cov(x.T).trace()).tolist()
    ((x - mean) @ vectors.T).astype("<f4").tofile(TARGET / "pbmc_scores.f32")
    reference = sc.pp.pca(x.astype(np.float32), n_comps=50, svd_solver="arpack", return_info=True)
    flips = np.abs(reference[1]) - np.abs(vectors)
    print("scanpy's float32 components differ by", np.abs(flips).max())
    return expected


TARGET.mkdir(parents=True, exist_ok=True)
(TARGET / "cases.json").write_text(json.dumps(small_cases()))
(TARGET / "bins.json").write_text(json.dumps(bins()))
(TARGET / "pbmc.json").write_text(json.dumps(pbmc()))


def original_pca(reference):
    """Rows that the unmodified PCA embedder of mengerj/adata_hf_datasets@29f262e gave for the cells of two fixtures."""
    for source, name, cells in (("pbmc10k_200", "pbmc-24", 24), ("cxg_heart_320", "heart-60", 60)):
        rows = np.load(reference / source / "X_pca.npz")["arr_0"][:cells]
        rows.astype("<f4").tofile(TARGET / f"{name}_pca.f32")


if len(sys.argv) > 1:
    original_pca(Path(sys.argv[1]))
