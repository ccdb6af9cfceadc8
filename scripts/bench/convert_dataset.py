"""Writes chunks of the benchmark in another format: zarr v3, zarr v3 with shards, or h5ad, as anndata writes them.

usage: convert_dataset.py FORMAT OUT CHUNK...    FORMAT: zarr-v3, zarr-v3-sharded or h5ad
"""

import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
import anndata as ad


def main() -> None:
    form, out = sys.argv[1], Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    for path in map(Path, sys.argv[3:]):
        chunk = ad.read_zarr(path)
        if form == "h5ad":
            chunk.write_h5ad(out / f"{path.stem}.h5ad", compression="gzip")
            continue
        ad.settings.zarr_write_format = 3
        ad.settings.auto_shard_zarr_v3 = form == "zarr-v3-sharded"
        chunk.write_zarr(out / path.name)


if __name__ == "__main__":
    main()
