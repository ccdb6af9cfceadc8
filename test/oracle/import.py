"""Expected results of imports, by scanpy, for core/import/*.test.ts.

usage: python test/oracle/import.py   (scanpy 1.11, anndata 0.12; from the repository root)

Writes test/fixtures/import/expected.json (names and sha256 of arrays, little-endian), expected_x_10x_v3.f32 (log-normalised
values of the whole 10x file) and small h5ad inputs of unusual kinds.
"""

import hashlib
import json
import tarfile
import tempfile
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
import anndata as ad
import h5py
import numpy as np
import pandas as pd
import scanpy as sc
import scipy.sparse as sp

FIXTURES = Path("test/fixtures/import")
DEMO = Path("resources/demo")


def main() -> None:
    tenx = sc.read_10x_h5(FIXTURES / "scanpy_10x_v3.h5")
    tenx.var_names_make_unique()
    expected = {
        "tenx_h5": describe(tenx),
        "tenx_h5_filtered": describe(filtered(tenx, min_cells=20, min_genes=25)),
        "tenx_v2": describe(tenx[:40]),
        "tenx_mtx": describe(read_mtx()),
        "pbmc_10k": describe(sc.read_h5ad(DEMO / "pbmc_10k_protein_v3.h5ad")),
    }
    names = ["a", "a", "b", "a-1", "a", "b", "c", "a-1"]
    expected["unique_names"] = {"names": names, "unique": list(ad.utils.make_index_unique(pd.Index(names)))}
    expected["sfc32"] = {"seed": 42, "values": sfc32(42, 8)}
    normalised(tenx).X.data.astype("<f4").tofile(FIXTURES / "expected_x_10x_v3.f32")
    write_raw_with_more_genes()
    write_without_counts()
    write_legacy_10x(tenx)
    (FIXTURES / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def read_mtx() -> ad.AnnData:
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(FIXTURES / "pbmc10k_mtx.tar.gz") as archive:
            archive.extractall(folder, filter="data")
        return sc.read_10x_mtx(f"{folder}/filtered_feature_bc_matrix", gex_only=True)


def filtered(data: ad.AnnData, min_cells: int, min_genes: int) -> ad.AnnData:
    data = data.copy()
    sc.pp.filter_genes(data, min_cells=min_cells)
    sc.pp.filter_cells(data, min_genes=min_genes)
    del data.obs["n_genes"], data.var["n_cells"]
    return data


def normalised(data: ad.AnnData) -> ad.AnnData:
    data = data.copy()
    data.X = sp.csr_matrix(data.X, dtype=np.float32)
    data.X.sort_indices()
    sc.pp.normalize_total(data, target_sum=1e4)
    sc.pp.log1p(data)
    return data


def describe(data: ad.AnnData) -> dict:
    counts = sp.csr_matrix(data.X).astype(np.int32)
    counts.eliminate_zeros()
    counts.sort_indices()
    return {
        "cells": data.n_obs,
        "genes": data.n_vars,
        "stored": int(counts.nnz),
        "obs_names": digest("\n".join(data.obs_names).encode()),
        "var_names": digest("\n".join(data.var_names).encode()),
        "gene_ids": digest("\n".join(data.var["gene_ids"]).encode()) if "gene_ids" in data.var else None,
        "indptr": digest(counts.indptr.astype("<i4").tobytes()),
        "indices": digest(counts.indices.astype("<i4").tobytes()),
        "counts": digest(counts.data.astype("<i4").tobytes()),
        "totals": digest(np.asarray(counts.sum(1)).ravel().astype("<f4").tobytes()),
    }


def sfc32(seed: int, count: int) -> list[float]:
    """PractRand's sfc32 seeded with (0, 0, seed), counter 1, 15 rounds discarded; 53-bit floats from pairs of outputs."""
    a, b, c, counter, mask = 0, 0, seed, 1, 0xFFFFFFFF
    outputs = []
    for _ in range(15 + 2 * count):
        total = (a + b + counter) & mask
        counter = (counter + 1) & mask
        a = b ^ (b >> 9)
        b = (c + (c << 3)) & mask
        c = ((((c << 21) | (c >> 11)) & mask) + total) & mask
        outputs.append(total)
    pairs = zip(outputs[15::2], outputs[16::2])
    return [((high >> 5) * 2**26 + (low >> 6)) / 2**53 for high, low in pairs]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_raw_with_more_genes() -> None:
    """X scaled and cut to 3 genes; raw.X holds the counts of 5. Typed, ordered and missing values in obs."""
    counts = np.array([[1, 0, 2, 0, 5], [0, 3, 0, 0, 1], [4, 0, 0, 2, 0], [0, 0, 7, 1, 1]], np.float32)
    genes = pd.DataFrame({"gene_ids": [f"ENSG0000000000{i}.{i}" for i in range(5)]}, index=list("ABCDE"))
    data = ad.AnnData(sp.csr_matrix(counts), var=genes)
    data.obs_names = [f"cell{i}" for i in range(4)]
    data.obs["donor"] = pd.Categorical(["d2", "d1", None, "d2"], categories=["d1", "d2", "d3"], ordered=True)
    data.obs["age"] = np.array([30, 41, 52, 63], np.int64)
    data.obs["score"] = np.array([0.5, np.nan, 1.5, 2.5], np.float32)
    data.obs["doublet"] = [True, False, False, True]
    data.raw = data.copy()
    data = data[:, ["A", "C", "E"]].copy()
    data.X = data.X.toarray() - 1.5
    data.obsm["X_umap"] = np.zeros((4, 2), np.float32)
    data.uns["title"] = "raw has more genes"
    data.write_h5ad(FIXTURES / "raw_more_genes.h5ad")


def write_without_counts() -> None:
    """Scaled X, a layer of normalised values, and a counts layer with NaN."""
    values = np.array([[0, 1, 2], [3, 0, 5]], np.float32)
    data = ad.AnnData(values - 1)
    data.layers["counts"] = values.copy()
    data.layers["counts"][1, 2] = np.nan
    data.layers["normalised"] = np.log1p(values)
    data.write_h5ad(FIXTURES / "scaled.h5ad")


def write_legacy_10x(data: ad.AnnData) -> None:
    """The first 40 cells as CellRanger 2 wrote them: a group per genome, indices of a cell in descending order."""
    counts = sp.csr_matrix(data.X[:40]).astype(np.int32)
    counts.sort_indices()
    order = np.concatenate([np.arange(a, b)[::-1] for a, b in zip(counts.indptr[:-1], counts.indptr[1:])]).astype(int)
    with h5py.File(FIXTURES / "tenx_v2.h5", "w") as file:
        group = file.create_group("GRCh38")
        group["barcodes"] = data.obs_names[:40].to_numpy().astype("S")
        group["genes"] = data.var["gene_ids"].to_numpy().astype("S")
        group["gene_names"] = data.var_names.to_numpy().astype("S")
        group["data"] = counts.data[order]
        group["indices"] = counts.indices[order].astype(np.int64)
        group["indptr"] = counts.indptr.astype(np.int64)
        group["shape"] = np.array([data.n_vars, 40], np.int32)


if __name__ == "__main__":
    main()
