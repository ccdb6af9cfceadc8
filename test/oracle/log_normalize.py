"""Writes test/fixtures/log-normalize.json: seeded counts and scanpy's normalize_total(target_sum=1e4) + log1p of them.

    python test/oracle/log_normalize.py

Rows: usual counts, an empty cell, a cell of one count, counts beyond 255, and counts that are no integers. Needs scanpy.
"""

import json
from pathlib import Path

import anndata as ad
import numpy as np
import scanpy as sc
from scipy import sparse

TARGET = Path(__file__).resolve().parents[1] / "fixtures" / "log-normalize.json"


def main() -> None:
    rng = np.random.default_rng(11)
    dense = rng.poisson(0.6, (12, 80)).astype(np.float32)
    dense[3] = 0
    dense[4] = 0
    dense[4, 17] = 1
    dense[5, :20] = rng.integers(200, 90000, 20)
    dense[6] = np.where(dense[6] > 0, rng.uniform(0.01, 30, 80).astype(np.float32), 0)
    counts = sparse.csr_matrix(dense)
    adata = ad.AnnData(counts.copy())
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    assert adata.X.dtype == np.float32 and (adata.X.indices == counts.indices).all()
    TARGET.write_text(
        json.dumps(
            {
                "indptr": counts.indptr.tolist(),
                "indices": counts.indices.tolist(),
                "counts": [float(x) for x in counts.data],
                "logNormalized": [float(x) for x in adata.X.data],
                "columns": 80,
            }
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
