"""Small h5ad files of every AnnData version, and what anndata makes of them: its own zarr v2 store of each, as JSON.

    python test/oracle/h5ad_fixtures.py DATA        (anndata 0.12.19, zarr 3.1.6, h5py; DATA holds the three real files)

test/fixtures/h5ad/<name>.h5ad   the file
test/fixtures/h5ad/<name>.json   nodes of anndata.read_h5ad(file).write_zarr(...): attributes, shape, dtype, values
test/fixtures/h5ad/chunks.json   where storage chunks lie in zoo.h5ad, for corrupting them
"""

import json
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
import zarr

warnings.filterwarnings("ignore")
ad.settings.allow_write_nullable_strings = True
ad.settings.zarr_write_format = 2
FIXTURES = Path(__file__).parent.parent / "fixtures" / "h5ad"


def zoo():
    """Everything that current anndata writes."""
    rng = np.random.default_rng(3)
    n, g = 12, 9
    counts = sp.csr_matrix(rng.poisson(0.7, (n, g)).astype(np.int32))
    obs = pd.DataFrame(index=[f"cell_{i}" for i in range(n)])
    obs["type"] = pd.Categorical.from_codes(rng.integers(-1, 3, n), ["T cell", "Mono é", "日本"])
    obs["stage"] = pd.Categorical.from_codes(rng.integers(0, 2, n), ["lo", "hi"], ordered=True)
    obs["constant"] = pd.Categorical(["all"] * n)
    obs["numbered"] = pd.Categorical(rng.integers(0, 3, n))
    obs["donor"] = np.array([f"ü{i % 3}" for i in range(n)], dtype=object)
    obs["empty_text"] = np.array([""] * n, dtype=object)
    obs["n_counts"] = np.asarray(counts.sum(1)).ravel().astype(np.float32)
    obs["big"] = np.arange(n, dtype=np.uint64) + np.uint64(2**63)
    obs["small"] = np.arange(n, dtype=np.int16) - 5
    obs["flag"] = np.arange(n) % 2 == 0
    for name, dtype in [("null_int", "Int32"), ("null_bool", "boolean"), ("null_text", "string")]:
        values = pd.array([i % 2 if dtype != "string" else str(i) for i in range(n)], dtype=dtype)
        values[::4] = pd.NA
        obs[name] = values
    var = pd.DataFrame({"ensembl_id": [f"ENSG{i:011d}" for i in range(g)]}, index=[f"g{i}" for i in range(g)])
    var.index.name = "symbol"
    a = ad.AnnData(X=counts.astype(np.float32), obs=obs, var=var)
    a.layers["counts"] = counts
    a.layers["columns"] = counts.tocsc().astype(np.float64)
    a.layers["dense"] = counts.toarray().astype(np.float32)
    a.layers["half"] = counts.toarray().astype(np.float16)
    a.layers["empty"] = sp.csr_matrix((n, g), dtype=np.float32)
    a.obsm["X_umap"] = rng.random((n, 2))
    a.obsm["frame"] = pd.DataFrame({"a": rng.random(n), "b": ["x", "y"] * (n // 2)}, index=obs.index)
    a.obsm["cube"] = rng.random((n, 2, 3)).astype(np.float32)
    a.obsm["none"] = np.zeros((n, 0), np.float32)
    a.varm["PCs"] = rng.random((g, 3))
    a.obsp["near"] = sp.random(n, n, density=0.2, random_state=0, format="csr")
    a.varp["near"] = rng.random((g, g))
    a.uns["nested"] = {"a": {"int": 1, "float": 2.5, "text": "hé", "true": True, "empty": {}}, "array": np.arange(5)}
    a.uns["texts"] = np.array(["x", "yy", "日本"], dtype=object)
    a.uns["text_matrix"] = np.array([["a", "b"], ["c", "dé"]], dtype=object)
    a.uns["nothing"] = None
    a.uns["records"] = np.array([("aé", 1.5, 3), ("bbb", 2.5, 4)], dtype=[("n", "O"), ("v", "f4"), ("i", "i8")])
    a.uns["empty_array"] = np.zeros(0, np.float32)
    a.uns["no_texts"] = np.array([], dtype=object)
    a.uns["bools"] = np.array([True, False])
    a.uns["big_endian"] = np.arange(3, dtype=">i4")
    a.uns["nan"] = float("nan")
    a.raw = ad.AnnData(X=sp.csr_matrix(rng.poisson(0.7, (n, g + 2)).astype(np.float32)), var=pd.DataFrame(index=[f"r{i}" for i in range(g + 2)]), obs=obs)
    a.write_h5ad(FIXTURES / "zoo.h5ad", compression="gzip", convert_strings_to_categoricals=False)


def part_of(source, target, sizes):
    """A copy of an HDF5 file in which axes of the given sizes are cut; sparse matrices are cut as matrices."""

    def attributes(a, b):
        for key, value in a.attrs.items():
            if not isinstance(value, h5py.Reference):
                b.attrs[key] = value

    def copy(a, b):
        attributes(a, b)
        for key, item in a.items():
            if isinstance(item, h5py.Group):
                group = b.create_group(key)
                if "h5sparse_format" in item.attrs or item.attrs.get("encoding-type") in ("csr_matrix", "csc_matrix"):
                    sparse(item, group)
                else:
                    copy(item, group)
                continue
            cut = tuple(slice(0, sizes.get(size, size)) for size in item.shape)
            kwargs = {"compression": item.compression} if item.shape else {}
            dataset = b.create_dataset(key, data=item[cut], dtype=item.dtype, **kwargs)
            attributes(item, dataset)

    def sparse(a, b):
        attributes(a, b)
        name = "h5sparse_shape" if "h5sparse_shape" in a.attrs else "shape"
        shape = a.attrs[name]
        matrix = sp.csr_matrix((a["data"][()], a["indices"][()], a["indptr"][()]), shape=shape)
        matrix = matrix[: sizes.get(shape[0], shape[0]), : sizes.get(shape[1], shape[1])]
        b.attrs[name] = np.array(matrix.shape)
        for part in ("data", "indices", "indptr"):
            b.create_dataset(part, data=getattr(matrix, part), dtype=a[part].dtype)

    with h5py.File(source) as a, h5py.File(target, "w") as b:
        copy(a, b)
        for axis in ("obs", "var"):  # references cannot be copied, they are made anew
            for name in a[axis].get("__categories", {}) if isinstance(a[axis], h5py.Group) else []:
                b[axis][name].attrs["categories"] = b[axis]["__categories"][name].ref


def plain(value):
    value = np.asarray(value)
    if value.dtype.names:
        return value.tobytes().hex()
    if value.dtype.kind in "OUST":
        return [str(item) for item in value.ravel().tolist()]
    if value.dtype.kind == "f":
        return [item if np.isfinite(item) else "NaN" if np.isnan(item) else str(item) for item in value.ravel().tolist()]
    return [str(item) if isinstance(item, int) and abs(item) > 2**53 else item for item in value.ravel().tolist()]


def describe(node):
    attributes = dict(node.attrs)
    if isinstance(node, zarr.Group):
        return {"attributes": attributes}
    dtype = node.dtype
    name = [list(field) for field in dtype.descr] if dtype.names else "string" if dtype.kind in "OUT" else dtype.name
    return {"attributes": attributes, "shape": list(node.shape), "dtype": name, "values": plain(node[()])}


def save(name):
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.zarr"
        ad.read_h5ad(FIXTURES / f"{name}.h5ad").write_zarr(store, convert_strings_to_categoricals=False)
        root = zarr.open_group(store, mode="r", use_consolidated=False)
        nodes = {"": describe(root)} | {path: describe(node) for path, node in sorted(root.members(max_depth=None))}
    text = json.dumps(nodes, ensure_ascii=False, indent=0, allow_nan=False)
    (FIXTURES / f"{name}.json").write_text(text + "\n")


def chunk_places():
    places = {}
    with h5py.File(FIXTURES / "zoo.h5ad") as file:
        for path in ("X/data", "layers/dense", "obs/_index"):
            info = file[path].id.get_chunk_info(0)
            places[path] = {"offset": info.byte_offset, "size": info.size}
    (FIXTURES / "chunks.json").write_text(json.dumps(places) + "\n")


if __name__ == "__main__":
    data = Path(sys.argv[1])
    shutil.rmtree(FIXTURES, ignore_errors=True)
    FIXTURES.mkdir(parents=True)
    zoo()
    part_of(data / "pbmc68k_reduced.h5ad", FIXTURES / "structured.h5ad", {700: 14, 765: 11, 100: 6})
    part_of(data / "zellkonverter_example.h5ad", FIXTURES / "frames.h5ad", {200: 13, 459: 10, 100: 6})
    part_of(data / "pbmc_10k_protein_v3.h5ad", FIXTURES / "lzf.h5ad", {200: 13, 16727: 40})
    for name in ("zoo", "structured", "frames", "lzf"):
        save(name)
    chunk_places()
