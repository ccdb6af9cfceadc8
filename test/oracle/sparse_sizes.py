"""Sizes that zarr-python's default codecs give to embeddings that are mostly zeros: sparse_sizes.py > ../fixtures/sparse-sizes.json

Needs numcodecs (of zarr 3.1). Each case is one row block: real embeddings from pbmc-24/ and heart-60/, and generated
ones, made of integer counts times a factor per row by a generator that the test repeats.
"""

import gzip
import hashlib
import json
import pathlib

import numcodecs
import numpy as np

FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures"
BLOSC = numcodecs.Blosc(cname="lz4", clevel=5, shuffle=1)  # anndata's default in zarr v2
ZSTD = numcodecs.Zstd(level=0)  # zarr's default in v3


def generated(rows: int, dim: int, percent: int) -> np.ndarray:
    """Zeros but for `percent` of the values, by a linear congruential generator."""
    state = 12345
    values = []
    for _ in range(rows * dim):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        values.append(state >> 8)
    values = np.asarray(values, dtype=np.uint32).reshape(rows, dim)
    present = values % 100 < percent
    counts = 1 + (values // 100) % 3 * ((values // 300) % 2)
    factors = (1 + np.arange(rows, dtype=np.float32) / np.float32(rows)).astype(np.float32)
    return np.where(present, counts.astype(np.float32) * factors[:, None], np.float32(0)).astype("<f4")


def real(name: str, cells: int) -> np.ndarray:
    return np.frombuffer(gzip.open(FIXTURES / name).read(), dtype="<f4").reshape(cells, -1)


cases = {
    "pbmc-24/X_gs.f32.gz": real("pbmc-24/X_gs.f32.gz", 24),
    "pbmc-24/X_gs10k.f32.gz": real("pbmc-24/X_gs10k.f32.gz", 24),
    "heart-60/X_gs.f32.gz": real("heart-60/X_gs.f32.gz", 60),
    "heart-60/X_gs10k.f32.gz": real("heart-60/X_gs10k.f32.gz", 60),
    "generated 1024 x 512, 5 %": generated(1024, 512, 5),
    "generated 1024 x 512, 10 %": generated(1024, 512, 10),
    "generated 64 x 10000, 7 %": generated(64, 10000, 7),
}
print(
    json.dumps(
        {
            name: {
                "sha256": hashlib.sha256(rows.tobytes()).hexdigest(),
                "zarr-v2": len(BLOSC.encode(np.ascontiguousarray(rows))),
                "zarr-v3": len(ZSTD.encode(np.ascontiguousarray(rows))),
            }
            for name, rows in cases.items()
        },
        indent=1,
    )
)
