"""Arrays of every data type, codec and chunk layout, written by zarr-python and read back by it for the expected values.

    python test/oracle/zarr_arrays.py        (zarr 3.1.6, numcodecs 0.16.6)

test/fixtures/zarr-arrays  a group of arrays in zarr v2 and one in v3
"""

import shutil
import warnings
from pathlib import Path

import numcodecs
import numpy as np
import zarr
from fixture_json import plain, save
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, ShardingCodec, TransposeCodec, ZstdCodec

warnings.filterwarnings("ignore")
FIXTURES = Path(__file__).parent.parent / "fixtures"

NUMBERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64", "bool"]


def numbers(dtype, shape=(5, 7)):
    values = np.arange(np.prod(shape)).reshape(shape)
    if dtype == "bool":
        return values % 3 == 0
    if dtype.startswith("float"):
        special = (values / 8 - 2).astype(dtype)
        special[0, :3] = [np.nan, np.inf, -np.inf]
        special[1, 0] = np.float16(6e-8)
        return special
    return (values * (3 if dtype[0] == "u" else -3)).astype(dtype)


def sparse_values(count=1000):
    """Like the data of a count matrix: small whole numbers."""
    return (np.arange(count) * 7919 % 13).astype(np.float32)


def arrays_v2(root):
    def add(name, values, **options):
        options = {"chunks": values.shape and tuple(size // 2 + 1 for size in values.shape), **options}
        array = root.create_array(name, shape=values.shape, dtype=options.pop("dtype", values.dtype), **options)
        array[...] = values

    for dtype in NUMBERS:
        add(dtype, numbers(dtype))
    add("big_endian", numbers("float64"), dtype=">f8")
    add("fortran", numbers("int32"), order="F")
    add("slash", numbers("int32"), chunk_key_encoding={"name": "v2", "separator": "/"})
    add("scalar", np.array(2.5), chunks=())
    add("empty", np.zeros(0, np.float32), chunks=(1,))
    add("raw", sparse_values(), chunks=(300,), compressors=None)
    for codec in [numcodecs.Zstd(level=1), numcodecs.GZip(), numcodecs.Zlib(), numcodecs.LZ4()]:
        add(codec.codec_id, sparse_values(), chunks=(300,), compressors=codec)
    for inner in ["blosclz", "lz4", "lz4hc", "zlib", "zstd"]:
        add(f"blosc_{inner}", sparse_values(), chunks=(300,), compressors=numcodecs.Blosc(cname=inner))
    add("blosc_bitshuffle", sparse_values(), chunks=(300,), compressors=numcodecs.Blosc(cname="lz4", shuffle=2))
    add("delta", np.arange(1000, dtype=np.int32), chunks=(300,), filters=[numcodecs.Delta(dtype="<i4")])
    add("absent", np.where(numbers("float32", (6, 8)) < 0, np.nan, 1.0), fill_value=np.nan, config={"write_empty_chunks": False})
    add("strings", np.array(["a", "", "日本", "é" * 40, "end"], dtype=object), dtype="str", chunks=(2,))
    add("unicode", np.array(["ab", "cdé", ""]))
    add("bytes", np.array([b"ab", b"cde", b""]))
    add("dates", np.array(["2020-01-01"], dtype="M8[D]"))


def arrays_v3(root):
    def add(name, values, chunks, codecs, dtype=None, **options):
        array = zarr.create(
            store=root.store, path=name, shape=values.shape, dtype=dtype or values.dtype, chunks=chunks, codecs=codecs, zarr_format=3, **options
        )
        array[...] = values

    little, zstd, blosc = BytesCodec(), ZstdCodec(level=1), BloscCodec(cname="lz4", shuffle="shuffle", typesize=4)
    for dtype in NUMBERS:
        add(dtype, numbers(dtype), (3, 4), [little, zstd])
    add("big_endian", numbers("float64"), (3, 4), [BytesCodec(endian="big"), zstd])
    add("transposed", numbers("int32"), (3, 4), [TransposeCodec(order=(1, 0)), little, zstd])
    add("dotted", numbers("int32"), (3, 4), [little], chunk_key_encoding=("v2", "."))
    add("scalar", np.array(2.5), (), [little])
    add("empty", np.zeros(0, np.float32), (1,), [little, zstd])
    add("raw", sparse_values(), (300,), [little])
    add("blosc", sparse_values(), (300,), [little, blosc])
    add("gzip", sparse_values(), (300,), [little, GzipCodec()])
    add("crc32c", sparse_values(), (300,), [little, zstd, Crc32cCodec()])
    add("zstd_checksum", sparse_values(), (300,), [little, ZstdCodec(level=3, checksum=True)])
    inner = [little, zstd]
    add("shard_end", sparse_values(), (400,), [ShardingCodec(chunk_shape=(100,), codecs=inner)])
    add("shard_start", sparse_values(), (400,), [ShardingCodec(chunk_shape=(100,), codecs=inner, index_location="start")])
    add("shard_matrix", numbers("int32", (9, 10)), (4, 6), [ShardingCodec(chunk_shape=(2, 3), codecs=[little, blosc])])
    add("absent", np.where(numbers("float32", (6, 8)) < 0, np.nan, 1.0), (3, 4), [little], fill_value=np.nan, config={"write_empty_chunks": False})
    add("shard_absent", np.where(np.arange(800) < 400, 0, sparse_values(800)), (800,), [ShardingCodec(chunk_shape=(100,), codecs=inner)],
        config={"write_empty_chunks": False})
    strings = root.create_array("strings", shape=(5,), dtype="str", chunks=(2,))
    strings[...] = np.array(["a", "", "日本", "é" * 40, "end"], dtype=object)
    root.create_array("unicode", data=np.array(["ab", "cdé", ""]))


def arrays():
    folder = FIXTURES / "zarr-arrays"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    values = {}
    for name, zarr_format, write in [("v2", 2, arrays_v2), ("v3", 3, arrays_v3)]:
        root = zarr.open_group(folder / f"{name}.zarr", mode="w", zarr_format=zarr_format)
        write(root)
        read = {key: np.asarray(root[key][...]) for key in sorted(root.array_keys())}
        values[name] = {
            key: {
                "shape": list(array.shape),
                "values": [plain(item.decode() if isinstance(item, bytes) else item) for item in array.ravel().tolist()],
            }
            for key, array in read.items()
            if array.dtype.kind != "M"
        }
    save(folder / "expected.json", values)


if __name__ == "__main__":
    arrays()
