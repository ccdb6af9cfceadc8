"""What import carries over beside counts, obs and var, as anndata writes the same parts: for core/import/carried.test.ts.

    python test/oracle/import_carried.py        (anndata 0.12.19, zarr 3.1.6; from the repository root)

test/fixtures/import/carried.h5ad   everything that rows or genes can be taken of; X holds the counts, one gene is in one cell
test/fixtures/import/carried.json   nodes of anndata's store of cells 0-3 and 4-6, with and without that gene
"""

import json
import tempfile
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
import zarr
from h5ad_fixtures import describe

FIXTURES = Path(__file__).parent.parent / "fixtures" / "import"
CARRIED = ("layers", "obsm", "varm", "uns", "raw", "obs")
WRITTEN_BY_IMPORT = ("n_counts", "total_counts", "sample_index")


def whole() -> ad.AnnData:
    rng = np.random.default_rng(11)
    n, g = 7, 5
    counts = rng.poisson(2, (n, g)).astype(np.float32) + 1
    counts[:, 3] = [0, 0, 5, 0, 0, 0, 0]
    obs = pd.DataFrame(index=[f"cell_{i}" for i in range(n)])
    obs["type"] = pd.Categorical.from_codes([0, 1, 0, 1, 1, 0, 1], ["a", "b"])
    obs["huge"] = np.arange(n, dtype=np.uint64) + np.uint64(2**63)
    obs["age"] = pd.array([1, None, 3, 4, None, 6, 7], dtype="Int32")
    obs["smoker"] = pd.array([True, None, False, True, True, None, False], dtype="boolean")
    obs["note"] = pd.array(["x", None, "y", "z", "é", None, ""], dtype="string")
    obs["half"] = np.arange(n, dtype=np.float16) / 4
    data = ad.AnnData(sp.csr_matrix(counts), obs=obs, var=pd.DataFrame(index=[f"g{i}" for i in range(g)]))
    data.raw = ad.AnnData(sp.csr_matrix(np.log1p(counts)), obs=obs, var=pd.DataFrame({"k": [f"r{i}" for i in range(g)]}, index=[f"raw{i}" for i in range(g)]))
    data.raw.varm["loadings"] = rng.random((g, 2))
    values = sp.random(n, g, density=0.5, random_state=1, format="csr", dtype=np.float64)
    data.layers["rows"] = values
    data.layers["columns"] = values.tocsc().astype(np.float32)
    data.layers["dense"] = rng.random((n, g))
    data.layers["small"] = rng.integers(-9, 9, (n, g)).astype(np.int8)
    data.layers["unsorted"] = unsorted(values)
    data.obsm["X_umap"] = rng.random((n, 2))
    data.obsm["half"] = rng.random((n, 3)).astype(np.float16)
    data.obsm["cube"] = rng.random((n, 2, 3)).astype(np.float32)
    data.obsm["none"] = np.zeros((n, 0), np.float32)
    data.obsm["sparse"] = sp.random(n, 4, density=0.4, random_state=2, format="csr")
    data.obsm["by_column"] = sp.random(n, 4, density=0.4, random_state=3, format="csc")
    data.obsm["frame"] = obs[["huge", "age", "note"]].assign(kind=pd.Categorical(list("uvuvuvu")))
    data.varm["PCs"] = rng.random((g, 3))
    data.varm["sparse"] = sp.random(g, 2, density=0.5, random_state=4, format="csc")
    data.obsp["near"] = sp.random(n, n, density=0.3, random_state=5, format="csr")
    data.varp["near"] = rng.random((g, g))
    data.uns["nested"] = {"params": {"n": 3, "text": "hé", "flag": True, "empty": {}}, "array": np.arange(4)}
    data.uns["colors"] = np.array(["#fff", "#000"], dtype=object)
    data.uns["records"] = np.array([("a", 1.5), ("b", 2.5)], dtype=[("names", "O"), ("scores", "f4")])
    data.uns["seeds"] = np.array([2**63 + 1], np.uint64)
    data.uns["nothing"] = None
    return data


def unsorted(matrix: sp.csr_matrix) -> sp.csr_matrix:
    order = np.concatenate([np.arange(a, b)[::-1] for a, b in zip(matrix.indptr[:-1], matrix.indptr[1:])]).astype(int)
    return sp.csr_matrix((matrix.data[order], matrix.indices[order], matrix.indptr), shape=matrix.shape)


def nodes(data: ad.AnnData) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        data.write_zarr(f"{folder}/part.zarr", convert_strings_to_categoricals=False)
        root = zarr.open_group(f"{folder}/part.zarr", mode="r", use_consolidated=False)
        found = {path: describe(node) for path, node in sorted(root.members(max_depth=None))}
    return {path: node for path, node in found.items() if path.split("/")[0] in CARRIED and path != "obs"}


def main() -> None:
    ad.settings.allow_write_nullable_strings = True
    ad.settings.zarr_write_format = 2
    whole().write_h5ad(FIXTURES / "carried.h5ad", convert_strings_to_categoricals=False)
    data = ad.read_h5ad(FIXTURES / "carried.h5ad")
    genes = [g for g in data.var_names if g != "g3"]
    parts = {"all": data, "without g3": data[:, genes]}
    expected = {name: [nodes(part[:4].copy()), nodes(part[4:].copy())] for name, part in parts.items()}
    (FIXTURES / "carried.json").write_text(json.dumps(expected, ensure_ascii=False, indent=0, allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
