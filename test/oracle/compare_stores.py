"""Says whether anndata reads the same from two stores, h5ad or zarr: for copies of whole real files.

    python test/oracle/compare_stores.py INPUT COPY        (anndata 0.12.19)
"""

import sys
import warnings

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

warnings.filterwarnings("ignore")


def same(a, b, path):
    if isinstance(a, pd.DataFrame):
        pd.testing.assert_frame_equal(a, b)
    elif hasattr(a, "keys"):
        assert set(a) == set(b), (path, set(a) ^ set(b))
        for key in a:
            same(a[key], b[key], f"{path}/{key}")
    elif sp.issparse(a):
        assert type(a) is type(b) and a.shape == b.shape, path
        for part in ("data", "indices", "indptr"):
            same(getattr(a, part), getattr(b, part), f"{path}/{part}")
    elif isinstance(a, np.ndarray):
        same_arrays(a, np.asarray(b), path)
    else:
        assert a is b or a == b or (a != a and b != b), (path, a, b)


def same_arrays(a, b, path):
    assert a.shape == b.shape, (path, a.shape, b.shape)
    if a.dtype.names:
        assert a.dtype.names == b.dtype.names, path
        for name in a.dtype.names:
            same(np.asarray(a[name]), np.asarray(b[name]), f"{path}[{name}]")
    elif a.dtype.kind in "OSUT":
        assert a.astype(object).tolist() == b.astype(object).tolist(), path
    else:
        assert a.dtype.newbyteorder("=") == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f"), (path, a.dtype, b.dtype)


def read(path):
    return ad.read_zarr(path) if path.rstrip("/").endswith(".zarr") else ad.read_h5ad(path)


if __name__ == "__main__":
    a, b = read(sys.argv[1]), read(sys.argv[2])
    assert a.shape == b.shape, (a.shape, b.shape)
    for part in ("X", "obs", "var", "layers", "obsm", "varm", "obsp", "varp", "uns"):
        same(getattr(a, part), getattr(b, part), part)
    assert (a.raw is None) == (b.raw is None), "raw"
    if a.raw is not None:
        for part in ("X", "var", "varm"):
            same(getattr(a.raw, part), getattr(b.raw, part), f"raw/{part}")
    print("equal")
