"""Writes test/fixtures/{pbmc-24,heart-60}: the first cells of two real chunks, and upstream's X_gs and X_gs10k of them.

    python test/oracle/gene_selection.py REFERENCE_FOLDER

REFERENCE_FOLDER holds pbmc10k_200/ and cxg_heart_320/: chunk_0.h5ad with X_gs.npz and X_gs10k.npz, made by the
unmodified embedders of mengerj/adata_hf_datasets@29f262e. Rows of these embeddings do not depend on each other, so the
first rows are the reference for the first cells. Needs anndata.
"""

import gzip
import shutil
import sys
from pathlib import Path

import anndata as ad
import numpy as np

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


def main(reference: Path) -> None:
    subset(reference / "pbmc10k_200", "pbmc-24", 24)
    subset(reference / "cxg_heart_320", "heart-60", 60).write_h5ad(FIXTURES / "heart-60/chunk_0.h5ad", compression="gzip")


def subset(source: Path, name: str, cells: int) -> ad.AnnData:
    target = FIXTURES / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    chunk = ad.read_h5ad(source / "chunk_0.h5ad")[:cells].copy()
    chunk.raw = None
    chunk.write_zarr(target / "chunk_0.zarr")
    for key in ("X_gs", "X_gs10k"):
        rows = np.load(source / f"{key}.npz")["arr_0"][:cells]
        assert rows.dtype == np.float32 and rows.shape[0] == cells
        (target / f"{key}.f32.gz").write_bytes(gzip.compress(np.ascontiguousarray(rows).tobytes(), 9, mtime=0))
    return chunk


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
