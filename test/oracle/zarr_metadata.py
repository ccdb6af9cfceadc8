"""What zarr-python writes as metadata of the arrays that Obsmith writes.

    python test/oracle/zarr_metadata.py        (zarr 3.1.6, numcodecs 0.16.6)
"""

import json
import tempfile
from pathlib import Path

import numcodecs
import numpy as np
import zarr
from zarr.codecs import BloscCodec, ZstdCodec

TARGET = Path(__file__).parent.parent / "fixtures" / "zarr-metadata.json"
CASES = [
    {"shape": [5, 3], "dtype": "float32", "chunks": [2, 3], "fillValue": "NaN", "codec": "raw"},
    {"shape": [5, 3], "dtype": "float32", "chunks": [2, 3], "fillValue": "NaN", "codec": "zstd"},
    {"shape": [7], "dtype": "int64", "chunks": [4], "fillValue": 0, "codec": "blosc"},
    {"shape": [7], "dtype": "bool", "chunks": [7], "fillValue": False, "codec": "blosc"},
    {"shape": [], "dtype": "float64", "chunks": [], "fillValue": 0, "codec": "zstd"},
]


def compressors(version, case):
    if case["codec"] == "raw":
        return None
    size = np.dtype(case["dtype"]).itemsize
    if version == 2:
        blosc = numcodecs.Blosc("lz4", clevel=5, shuffle=1 if size > 1 else 0)
        return blosc if case["codec"] == "blosc" else numcodecs.Zstd(level=1)
    shuffle = "shuffle" if size > 1 else "noshuffle"
    blosc = BloscCodec(typesize=size, cname="lz4", clevel=5, shuffle=shuffle)
    return blosc if case["codec"] == "blosc" else ZstdCodec(level=1)


def metadata(version, case):
    with tempfile.TemporaryDirectory() as folder:
        fill = float("nan") if case["fillValue"] == "NaN" else case["fillValue"]
        zarr.create_array(
            folder,
            shape=tuple(case["shape"]),
            dtype=case["dtype"],
            chunks=tuple(case["chunks"]),
            fill_value=fill,
            compressors=compressors(version, case),
            filters=None,
            zarr_format=version,
            attributes={"a": 1},
        )
        names = [".zarray", ".zattrs"] if version == 2 else ["zarr.json"]
        return {name: json.loads((Path(folder) / name).read_text()) for name in names}


if __name__ == "__main__":
    rows = [{"array": case, "zarr-v2": metadata(2, case), "zarr-v3": metadata(3, case)} for case in CASES]
    TARGET.write_text(json.dumps(rows, indent=1) + "\n")
