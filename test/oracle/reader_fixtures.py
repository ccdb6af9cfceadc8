"""Fixtures for the AnnData readers, written by anndata and read back by it for the expected values.

    python test/oracle/reader_fixtures.py        (anndata 0.12.19, zarr 3.1.6)

test/fixtures/reader       one logical data set as zarr v2, v3, v3 sharded and h5ad, and a store in the encoding of anndata 0.7
"""

import shutil
import warnings
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
import zarr
from fixture_json import plain, save

warnings.filterwarnings("ignore")
ad.settings.allow_write_nullable_strings = True
FIXTURES = Path(__file__).parent.parent / "fixtures"

CELLS, GENES, RAW_GENES = 60, 30, 34


def data_set():
    rng = np.random.default_rng(7)
    counts = sp.csr_matrix(rng.poisson(0.5, (CELLS, GENES)).astype(np.int32))
    counts[3] = 0
    counts.eliminate_zeros()
    obs = pd.DataFrame(index=[f"cell_{i}-1" for i in range(CELLS)])
    obs["cell_type"] = pd.Categorical.from_codes(rng.integers(-1, 4, CELLS), ["T cell", "B cell", "Mono é", "日本"])
    obs["stage"] = pd.Categorical.from_codes(rng.integers(0, 3, CELLS), ["lo", "mid", "hi"], ordered=True)
    obs["constant"] = pd.Categorical.from_codes(np.zeros(CELLS, int), ["A"])
    obs["year"] = pd.Categorical(rng.integers(2019, 2022, CELLS))
    obs["dose"] = pd.Categorical(rng.integers(0, 3, CELLS) / 2)
    obs["donor"] = np.array([f"donor_{i % 7}_ü" for i in range(CELLS)], dtype=object)
    obs["n_counts"] = np.asarray(counts.sum(1)).ravel().astype(np.float32)
    obs["n_genes"] = np.diff(counts.indptr).astype(np.int64)
    obs["is_doublet"] = rng.random(CELLS) < 0.2
    null_int = pd.array(rng.integers(0, 10, CELLS), dtype="Int32")
    null_int[::7] = pd.NA
    obs["null_int"] = null_int
    null_bool = pd.array(rng.random(CELLS) < 0.5, dtype="boolean")
    null_bool[::5] = pd.NA
    obs["null_bool"] = null_bool
    null_string = pd.array([f"s{i % 11}" for i in range(CELLS)], dtype="string")
    null_string[::3] = pd.NA
    obs["null_string"] = null_string
    var = pd.DataFrame(
        {"ensembl_id": [f"ENSG{i:011d}" for i in range(GENES)], "highly_variable": rng.random(GENES) < 0.3},
        index=[f"Gene{i}" for i in range(GENES)],
    )
    x = counts.astype(np.float32)
    x.data = np.log1p(x.data).astype(np.float32)
    raw = sp.csr_matrix(rng.poisson(0.4, (CELLS, RAW_GENES)).astype(np.float32))
    raw_var = pd.DataFrame({"ensembl_id": [f"ENSG{i:011d}" for i in range(RAW_GENES)]}, index=[f"Raw{i}" for i in range(RAW_GENES)])
    a = ad.AnnData(X=x, obs=obs, var=var)
    a.raw = ad.AnnData(raw, obs=obs.copy(), var=raw_var)
    a.layers["counts"] = counts
    a.layers["csc"] = counts.astype(np.float64).tocsc()
    a.layers["int64"] = counts.astype(np.int64) * 2**33
    dense = x.toarray()
    dense[20:40] = 0
    a.layers["dense"] = dense
    a.layers["dense_uint8"] = counts.toarray().astype(np.uint8)
    a.layers["empty"] = sp.csr_matrix((CELLS, GENES), dtype=np.float32)
    a.layers["unsorted"] = unsorted(x)
    a.obsm["X_pca"] = rng.random((CELLS, 3)).astype(np.float32)
    a.uns["note"] = "made for tests"
    return a


def unsorted(matrix):
    """The same rows with their columns in descending order."""
    indices, data = matrix.indices.copy(), matrix.data.copy()
    for start, end in zip(matrix.indptr, matrix.indptr[1:]):
        indices[start:end] = indices[start:end][::-1]
        data[start:end] = data[start:end][::-1]
    return sp.csr_matrix((data, indices, matrix.indptr.copy()), shape=matrix.shape)


def column(series):
    if isinstance(series.dtype, pd.CategoricalDtype):
        return {
            "kind": "categories",
            "categories": [str(category) for category in series.cat.categories],
            "codes": [int(code) for code in series.cat.codes],
            "ordered": bool(series.cat.ordered),
        }
    values = [plain(value) for value in series]
    if series.dtype == bool or str(series.dtype) == "boolean":
        return {"kind": "booleans", "values": values}
    if series.dtype == object or str(series.dtype) in ("string", "str"):
        return {"kind": "strings", "values": [None if value == "NaN" else value for value in values]}
    return {"kind": "numbers", "values": ["NaN" if value is None else value for value in values], "dtype": str(series.dtype).lower()}


def matrix(value):
    encoding = value.format if sp.issparse(value) else "dense"
    full = value.toarray() if sp.issparse(value) else np.asarray(value)
    return {
        "encoding": encoding,
        "dtype": str(value.dtype),
        "stored": int(value.nnz if sp.issparse(value) else full.size),
        "rows": [[plain(item) for item in row] for row in full],
    }


def expected(a):
    return {
        "cells": a.n_obs,
        "genes": a.n_vars,
        "names": {"obs": list(a.obs_names), "var": list(a.var_names), "raw/var": list(a.raw.var_names)},
        "columns": {
            "obs": {name: column(a.obs[name]) for name in a.obs},
            "var": {name: column(a.var[name]) for name in a.var},
            "raw/var": {name: column(a.raw.var[name]) for name in a.raw.var},
        },
        "keys": {"layers": sorted(a.layers), "obsm": sorted(a.obsm), "obsp": [], "uns": sorted(a.uns)},
        "matrices": {
            "X": matrix(a.X),
            "raw/X": matrix(a.raw.X),
            **{f"layers/{name}": matrix(a.layers[name]) for name in a.layers},
        },
    }


def rechunk(store, element, shards=None, **layout):
    """Stores an array again in small chunks, so that small data has many of them."""
    group = zarr.open_group(store, mode="r+", use_consolidated=False)
    old = group[element]
    values, attributes = old[...], dict(old.attrs)
    del group[element]
    new = group.create_array(element, shape=values.shape, dtype=values.dtype, shards=shards, fill_value=0, **layout)
    new.attrs.update(attributes)
    new[...] = values


def rechunk_store(store, sharded):
    for path in ["X", "layers/csc", "layers/int64", "layers/unsorted"]:
        for name in ["data", "indices"]:
            rechunk(store, f"{path}/{name}", chunks=(120,), shards=(240,) if sharded else None)
    rechunk(store, "layers/dense", chunks=(8, 11), shards=(16, 22) if sharded else None, config={"write_empty_chunks": False})
    rechunk(store, "layers/dense_uint8", chunks=(64, 7), shards=(64, 14) if sharded else None)
    zarr.consolidate_metadata(store)


def legacy_store(path, a):
    """The encoding of anndata 0.7: dataframe 0.1.0 with __categories, sparse matrices by h5sparse attributes."""
    root = zarr.open_group(path, mode="w", zarr_format=2)

    def frame(name, table):
        group = root.create_group(name)
        group.attrs.update({"_index": "_index", "column-order": list(table), "encoding-type": "dataframe", "encoding-version": "0.1.0"})
        strings(group, "_index", table.index)
        for key in table:
            series = table[key]
            if isinstance(series.dtype, pd.CategoricalDtype):
                group.create_array(key, data=series.cat.codes.to_numpy()).attrs["categories"] = f"__categories/{key}"
                strings(group, f"__categories/{key}", series.cat.categories)
                group[f"__categories/{key}"].attrs["ordered"] = bool(series.cat.ordered)
            elif series.dtype == object:
                strings(group, key, series)
            else:
                group.create_array(key, data=series.to_numpy())

    def strings(group, name, values):
        array = group.create_array(name, shape=(len(values),), dtype="str")
        array[...] = np.array([str(value) for value in values], dtype=object)

    frame("obs", a.obs[["cell_type", "stage", "donor", "n_counts"]])
    frame("var", a.var)
    x = root.create_group("X")
    x.attrs.update({"h5sparse_format": "csr", "h5sparse_shape": list(a.X.shape)})
    for name in ["data", "indices", "indptr"]:
        x.create_array(name, data=getattr(a.X, name))


def readers():
    folder = FIXTURES / "reader"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, zarr_format in [("v2", 2), ("v3", 3), ("v3-sharded", 3)]:
        ad.settings.zarr_write_format = zarr_format
        store = folder / f"{name}.zarr"
        data_set().write_zarr(store, convert_strings_to_categoricals=False)
        rechunk_store(store, sharded=name == "v3-sharded")
    for name, compression in [("plain", None), ("gzip", "gzip"), ("lzf", "lzf")]:
        data_set().write_h5ad(folder / f"{name}.h5ad", compression=compression, convert_strings_to_categoricals=False)
    rechunk_h5ad(folder / "gzip.h5ad")

    values = expected(ad.read_zarr(folder / "v2.zarr"))
    for other in ["v3.zarr", "v3-sharded.zarr"]:
        assert expected(ad.read_zarr(folder / other)) == values, other
    for other in ["plain.h5ad", "gzip.h5ad", "lzf.h5ad"]:
        assert expected(ad.read_h5ad(folder / other)) == values, other
    save(folder / "expected.json", values)

    legacy_store(folder / "legacy.zarr", data_set())


def rechunk_h5ad(path):
    with h5py.File(path, "r+") as file:
        for element in ["X/data", "X/indices", "layers/csc/data", "layers/csc/indices", "layers/dense"]:
            old = file[element]
            values, attributes = old[...], dict(old.attrs)
            del file[element]
            chunks = (8, 11) if values.ndim == 2 else (50,)
            new = file.create_dataset(element, data=values, chunks=chunks, compression="gzip", shuffle=True)
            new.attrs.update(attributes)


if __name__ == "__main__":
    readers()
