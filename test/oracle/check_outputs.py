"""Reads output stores with anndata and checks every obsm array that Obsmith wrote, by hand: check_outputs.py STORE...

Needs anndata >= 0.12, zarr >= 3. Checks: read_zarr succeeds, with consolidated metadata and without; each array is
(cells, dim), float32, finite; its digest by this independent implementation equals its provenance.
"""

import hashlib
import json
import pathlib
import shutil
import sys
import tempfile
import warnings

import anndata
import numpy as np
import zarr

BLOCK_ROWS = 4096


def digest_of(rows: np.ndarray) -> str:
    rows = np.ascontiguousarray(rows, dtype="<f4")
    total = hashlib.sha256()
    for start in range(0, len(rows), BLOCK_ROWS):
        total.update(hashlib.sha256(rows[start : start + BLOCK_ROWS].tobytes()).digest())
    return total.hexdigest()


def check(store: pathlib.Path, label: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*transforming to str index.*")
        warnings.filterwarnings("ignore", category=FutureWarning)
        warnings.filterwarnings("ignore", message=".*zarr v2.*", category=UserWarning)
        adata = anndata.read_zarr(store)
    group = zarr.open_group(store, mode="r")
    for key in adata.obsm:
        node = group["obsm"][key]
        provenance = node.attrs.get("obsmith") if isinstance(node, zarr.Array) else None
        if provenance is None:
            print(f"{label}: {key} is not of Obsmith")
            continue
        rows = adata.obsm[key]
        assert rows.shape[0] == adata.n_obs and rows.dtype == np.float32, (key, rows.shape, rows.dtype)
        assert np.isfinite(rows).all(), key
        assert np.isnan(node.fill_value), (key, node.fill_value)
        assert digest_of(rows) == provenance["digest"], key
        print(f"{label}: {key} {rows.shape} chunks {node.chunks} {provenance['digest'][:12]} ok")


def without_consolidated(store: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    shutil.copytree(store, target)
    (target / ".zmetadata").unlink(missing_ok=True)
    root = target / "zarr.json"
    if root.exists():
        node = json.loads(root.read_text())
        node.pop("consolidated_metadata")
        root.write_text(json.dumps(node))
    return target


for argument in sys.argv[1:]:
    path = pathlib.Path(argument)
    check(path, f"{path} consolidated")
    with tempfile.TemporaryDirectory() as folder:
        check(without_consolidated(path, pathlib.Path(folder) / path.name), f"{path} not consolidated")
