"""The peer of the reading benchmark: X of a store by zarr-python or h5py, 16,384 rows at a time.

Prints one JSON document: seconds and decoded bytes.

usage: peer_reading.py STORE...
"""

import json
import sys
import time

import h5py
import zarr

ROWS = 16_384


def main() -> None:
    read_all(sys.argv[1:2])  # Imports of codecs and thread pools are no reading.
    started = time.perf_counter()
    decoded = read_all(sys.argv[1:])
    print(json.dumps({"seconds": time.perf_counter() - started, "bytes": decoded}))


def read_all(paths: list[str]) -> int:
    decoded = 0
    for path in paths:
        group = h5py.File(path)["X"] if path.endswith(".h5ad") else zarr.open_group(path, mode="r")["X"]
        indptr = group["indptr"][:]
        decoded += indptr.nbytes
        for start in range(0, len(indptr) - 1, ROWS):
            first, last = indptr[start], indptr[min(start + ROWS, len(indptr) - 1)]
            for name in ("data", "indices"):
                decoded += group[name][first:last].nbytes
    return decoded


if __name__ == "__main__":
    main()
