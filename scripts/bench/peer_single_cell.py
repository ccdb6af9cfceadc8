"""The peer of the single-cell benchmark: scanpy end to end on the chunks of one data set.

Reads every chunk, joins them, normalises where X is not log-normalised, computes hvg (512), pca (50 components of 2,000
highly variable genes) and gs (columns of a list of Ensembl ids), and writes the results into copies of the chunks.
Prints one JSON document: seconds per stage and in total (imports and JIT warm-up apart).

usage: peer_single_cell.py --out FOLDER --gs LIST [--batch-key KEY] [--methods hvg,pca,gs] CHUNK...
"""

import argparse
import json
import shutil
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
import anndata as ad
import numpy as np
import pandas as pd
import scanpy as sc
import scipy.sparse as sp
import zarr

CHUNK_ROWS = 16_384


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("chunks", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--gs", type=Path, required=True)
    parser.add_argument("--batch-key")
    parser.add_argument("--methods", default="hvg,pca,gs")
    args = parser.parse_args()
    methods = args.methods.split(",")
    warm_up(args.batch_key)

    stages: dict[str, float] = {}
    started = time.perf_counter()

    def stage(name, work):
        before = time.perf_counter()
        result = work()
        stages[name] = time.perf_counter() - before
        return result

    parts = stage("read", lambda: [read(path) for path in args.chunks])
    rows = [part.n_obs for part in parts]
    data = stage("concat", lambda: ad.concat(parts, join="inner", index_unique="-"))
    del parts
    stage("normalise", lambda: normalise(data))
    embeddings: dict[str, np.ndarray] = {}
    if "hvg" in methods:
        embeddings["X_hvg"] = stage("hvg", lambda: hvg(data, args.batch_key))
    if "pca" in methods:
        embeddings["X_pca"] = stage("pca", lambda: pca(data, args.batch_key))
    if "gs" in methods:
        embeddings["X_gs"] = stage("gs", lambda: gs(data, args.gs.read_text().split()))
    stage("write", lambda: write(args.chunks, args.out, rows, embeddings))
    seconds = time.perf_counter() - started

    report = {"seconds": seconds, "stages": stages, "cells": data.n_obs, "genes": data.n_vars, "scanpy": sc.__version__}
    print(json.dumps(report))


def warm_up(batch_key: str | None) -> None:
    """numba compiles on first use; that is no work on the data."""
    counts = sp.random(200, 300, density=0.2, format="csr", dtype=np.float32, random_state=0)
    counts.data = np.ceil(counts.data * 9)
    obs = pd.DataFrame({batch_key or "batch": pd.Categorical(["a", "b"] * 100)}, index=[str(i) for i in range(200)])
    toy = ad.AnnData(counts, obs=obs)
    sc.pp.normalize_total(toy, target_sum=1e4)
    sc.pp.log1p(toy)
    sc.pp.highly_variable_genes(toy, n_top_genes=50, batch_key=batch_key)
    sc.pp.pca(toy, n_comps=5)


def read(path: Path) -> ad.AnnData:
    return ad.read_h5ad(path) if path.suffix == ".h5ad" else ad.read_zarr(path)


def normalise(data: ad.AnnData) -> None:
    if data.X.data.max() < 100 and np.any(data.X.data != np.round(data.X.data)):
        return
    data.X = data.layers["counts"].astype(np.float32)
    sc.pp.normalize_total(data, target_sum=1e4)
    sc.pp.log1p(data)


def variable_genes(data: ad.AnnData, count: int, batch_key: str | None) -> np.ndarray:
    table = sc.pp.highly_variable_genes(data, n_top_genes=count, batch_key=batch_key, inplace=False)
    return table["highly_variable"].to_numpy()


def hvg(data: ad.AnnData, batch_key: str | None) -> np.ndarray:
    return data.X[:, variable_genes(data, 512, batch_key)].toarray()


def pca(data: ad.AnnData, batch_key: str | None) -> np.ndarray:
    chosen = data.X[:, variable_genes(data, 2000, batch_key)]
    return sc.pp.pca(chosen, n_comps=50).astype(np.float32)


def gs(data: ad.AnnData, genes: list[str]) -> np.ndarray:
    position = data.var_names.get_indexer(genes)
    selected = np.zeros((data.n_obs, len(genes)), np.float32)
    present = position >= 0
    selected[:, present] = data.X[:, position[present]].toarray()
    return selected


def write(chunks: list[Path], out: Path, rows: list[int], embeddings: dict[str, np.ndarray]) -> None:
    """Copies each chunk and adds its rows of every embedding, as mengerj/adata_hf_datasets does (default codec)."""
    out.mkdir(parents=True, exist_ok=True)
    end = 0
    for path, count in zip(chunks, rows):
        start, end = end, end + count
        target = out / f"{path.stem}.zarr"
        if path.suffix == ".h5ad":
            read(path).write_zarr(target)
        else:
            shutil.copytree(path, target)
        store = zarr.open_group(target, mode="r+", use_consolidated=False)
        for key, values in embeddings.items():
            block = np.ascontiguousarray(values[start:end])
            chunk_shape = (min(CHUNK_ROWS, count), block.shape[1])
            ad.io.write_elem(store["obsm"], key, block, dataset_kwargs={"chunks": chunk_shape})
        zarr.consolidate_metadata(target)


if __name__ == "__main__":
    main()
