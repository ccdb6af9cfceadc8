"""Blosc buffers of every type size and shuffle, made by numcodecs.

    python test/oracle/blosc_buffers.py        (numcodecs 0.16.6)

test/fixtures/blosc        the buffers, one after the other, and the sha256 of what each decodes to
"""

import hashlib
import shutil
from pathlib import Path

import numcodecs
import numpy as np
from fixture_json import save

FIXTURES = Path(__file__).parent.parent / "fixtures"


def blosc():
    folder = FIXTURES / "blosc"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rng = np.random.default_rng(11)
    sources = {
        "zeros": np.zeros(40_000, np.uint8),
        "noise": rng.integers(0, 256, 3_000, np.uint8),
        "counts": rng.geometric(0.45, 3_000).astype(np.float32).view(np.uint8),
        "indices": np.cumsum(rng.geometric(0.05, 2_500)).astype(np.int32).view(np.uint8),
        "offsets": np.cumsum(rng.integers(0, 900, 1_200)).view(np.uint8),
        "periods": np.concatenate([np.tile(rng.integers(0, 256, period, np.uint8), 300 // period + 1) for period in range(1, 40)]),
        "tiny": np.arange(7, dtype=np.uint8),
    }
    data, cases = b"", []

    def add(name, source, codec, type_size, shuffle, block_bytes):
        nonlocal data
        encoded = numcodecs.blosc.compress(source.tobytes(), codec.encode(), 5, shuffle, block_bytes, typesize=type_size)
        decoded = np.frombuffer(numcodecs.blosc.decompress(encoded), np.uint8)
        assert np.array_equal(decoded, source)
        cases.append({
            "name": f"{name}, type size {type_size}, shuffle {shuffle}, blocks {block_bytes}",
            "offset": len(data),
            "bytes": len(encoded),
            "sha256": hashlib.sha256(decoded.tobytes()).hexdigest(),
        })
        data += encoded

    for name, source in sources.items():
        for type_size in [1, 2, 4, 8] + ([3, 16] if name == "counts" else []):
            for shuffle, block_bytes in [(1, 0), (1, 4096), (0, 4096)]:
                add(name, source, "lz4", type_size, shuffle, block_bytes)
    for codec in ["blosclz", "lz4", "lz4hc", "zlib", "zstd"]:
        for name in ["counts", "indices", "periods"]:
            for shuffle in [0, 1, 2]:
                add(f"{name} with {codec}", sources[name], codec, 4, shuffle, 0)
    for name, type_size in [("indices", 8), ("offsets", 8), ("counts", 2), ("tiny", 4), ("periods", 3)]:
        add(name, sources[name], "lz4", type_size, 2, 4096)
    (folder / "buffers.bin").write_bytes(data)
    save(folder / "expected.json", cases)


if __name__ == "__main__":
    blosc()
