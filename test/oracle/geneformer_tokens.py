"""Writes test/fixtures/geneformer/: genuine Geneformer V1 tokens of two real chunks, and genuine tokens of edge cases.

    python test/oracle/geneformer_tokens.py REFERENCE_FOLDER TOKENIZER

REFERENCE_FOLDER holds pbmc10k_200/ and cxg_heart_320/ (chunk_0.h5ad with geneformer_v1_tokens.json, made by the official
tokenizer) and geneformer_v1/ (the genuine V1 dictionaries). TOKENIZER is the unmodified geneformer/tokenizer.py of the
Geneformer package (2025, with sum_ensembl_ids); it is loaded with stubs for packages that it does not need here, and
with a stable argsort, because the default sort orders ties differently on different CPUs. Needs anndata, scanpy, scipy.
"""

import gzip
import json
import pickle
import sys
import tempfile
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from genuine_tokenizer import load_tokenizer

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
TARGET = FIXTURES / "geneformer"


def main(reference: Path, tokenizer_file: Path) -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    real_tokens(reference)
    tokenizer = with_stable_sort(load_tokenizer(tokenizer_file))
    write_json("edge-cases.json", [edge_case(tokenizer, **case) for case in edge_cases()])


def real_tokens(reference: Path) -> None:
    """Rows do not depend on each other: the first rows are the reference of the first cells, which other fixtures hold."""
    genes = set()
    for source, fixture in (("pbmc10k_200", "pbmc-24"), ("cxg_heart_320", "heart-60")):
        cells = ad.read_h5ad(FIXTURES / fixture / "chunk_0.h5ad") if fixture == "heart-60" else ad.read_zarr(FIXTURES / fixture / "chunk_0.zarr")
        tokens = json.loads((reference / source / "geneformer_v1_tokens.json").read_text())[: cells.n_obs]
        write_json(f"{fixture}-v1-tokens.json", tokens)
        genes |= set(cells.var["ensembl_id"].astype(str))
    token = pickle.loads((reference / "geneformer_v1/geneformer_v1_token_dictionary.pkl").read_bytes())
    median = pickle.loads((reference / "geneformer_v1/geneformer_v1_gene_median_dictionary.pkl").read_bytes())
    kept = [gene for gene in token if gene in genes]
    write_json("v1-vocabulary.json", vocabulary(kept, token, median, {}))


def vocabulary(genes: list, token: dict, median: dict, mapping: dict) -> dict:
    return {
        "genes": genes,
        "tokens": [int(token[gene]) for gene in genes],
        "medians": [float(median[gene]) for gene in genes],
        "aliases": {alias: gene for alias, gene in mapping.items() if alias != gene and gene in token},
        "unmapped": [gene for gene in genes if mapping and gene not in mapping],
        "special": {name: int(number) for name, number in token.items() if name.startswith("<")},
    }


def write_json(name: str, value: object) -> None:
    content = json.dumps(value, separators=(",", ":")).encode()
    (TARGET / f"{name}.gz").write_bytes(gzip.compress(content, 9, mtime=0))


GENES = [f"ENSG{number:011d}" for number in range(1, 41)]
RANDOM = np.random.default_rng(5)
MEDIANS = {gene: float(np.float64(RANDOM.choice([0.5, 1.25, 1.7, 2.001186019549122]))) for gene in GENES}
TOKENS = {"<pad>": 0, "<mask>": 1, "<cls>": 2, "<eos>": 3} | {gene: 4 + at for at, gene in enumerate(GENES)}
# Two old ids of one gene, one old id of another, an old id of a gene outside of the vocabulary, a gene without an entry.
MAPPING = {gene: gene for gene in GENES[:-1]} | {
    "ENSG00000900001": GENES[0],
    "ENSG00000900002": GENES[0],
    "ENSG00000900003": GENES[5],
    "ENSG00000900004": "ENSG00000999999",
    "ENSG00000900005": GENES[-1],
}


def edge_cases():
    plain = GENES[:30]
    synonyms = ["ENSG00000900003", *GENES[:12], "ENSG00000900001", "ENSG00000900004", *GENES[20:25], "ENSG00000900002"]
    yield dict(name="plain int32", ids=plain)
    yield dict(name="plain float32", ids=plain, dtype="float32")
    yield dict(name="float32 counts, float64 sums", ids=plain, dtype="float32", sums="float64")
    yield dict(name="float32 counts, int64 sums", ids=plain, dtype="float32", sums="int64")
    yield dict(name="float64 counts", ids=plain, dtype="float64")
    yield dict(name="int16 counts", ids=plain, dtype="int16")
    yield dict(name="uint32 counts", ids=plain, dtype="uint32")
    yield dict(name="dense int32", ids=plain, encoding="dense")
    yield dict(name="dense float32", ids=plain, encoding="dense", dtype="float32")
    yield dict(name="dense float64", ids=plain, encoding="dense", dtype="float64")
    yield dict(name="dense int16", ids=plain, encoding="dense", dtype="int16")
    yield dict(name="csc float32", ids=plain, encoding="csc", dtype="float32")
    yield dict(name="V2: special tokens, cut", ids=plain, special=True, size=16)
    yield dict(name="V1: cut", ids=plain, size=12)
    yield dict(name="synonyms are summed", ids=synonyms)
    yield dict(name="synonyms are summed, float32", ids=synonyms, dtype="float32")
    yield dict(name="synonyms with special tokens", ids=synonyms, special=True, size=64)
    yield dict(name="one synonym without its gene", ids=["ENSG00000900003", *GENES[10:20]])
    yield dict(name="the same id twice is not summed", ids=[*GENES[:10], GENES[3], GENES[3]])
    yield dict(name="the same id twice, beside synonyms", ids=[*GENES[:10], GENES[3], "ENSG00000900001"])
    yield dict(name="a synonym of a gene without an entry of its own", ids=[*GENES[30:], "ENSG00000900005"])
    yield dict(name="lower case", ids=[gene.lower() if at % 3 == 0 else gene for at, gene in enumerate(GENES[:15])])
    yield dict(name="lower case synonym is found but does not trigger summing", ids=[*GENES[:9], "ensg00000900001"])
    yield dict(name="unknown ids", ids=["ERCC-00002", "ENSG00000777777", "", *GENES[:10]])
    yield dict(name="stored zeros rank last", ids=plain, zeros=True)
    yield dict(name="stored zeros of synonyms", ids=synonyms, zeros=True)
    yield dict(name="filter_pass", ids=plain, filter_pass=True)
    yield dict(name="large counts", ids=plain, dtype="float32", largest=100_000)


def edge_case(tokenizer, name, ids, dtype="int32", sums="float32", encoding="csr", special=False, size=2048,
              zeros=False, filter_pass=False, largest=6):
    cells = 40
    counts = RANDOM.integers(1, largest, (cells, len(ids))) * (RANDOM.random((cells, len(ids))) < 0.6)
    counts[:, :4] += 1  # no cell is empty: the genuine code drops those
    matrix = sp.csr_matrix(counts.astype(dtype))
    if zeros:
        matrix.data[RANDOM.random(matrix.nnz) < 0.2] = 0
        matrix.data[matrix.indptr[:-1]] = 1
    x = {"csr": matrix, "csc": matrix.tocsc(), "dense": matrix.toarray()}[encoding]
    obs = pd.DataFrame({"n_counts": np.asarray(matrix.sum(axis=1)).ravel().astype(sums) + 7}, index=[f"c{i}" for i in range(cells)])
    obs["n_counts"] = obs["n_counts"].astype(sums)
    if filter_pass:
        obs["filter_pass"] = (np.arange(cells) % 3 != 0).astype(int)
    var = pd.DataFrame({"ensembl_id": ids}, index=[f"v{i}" for i in range(len(ids))])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chunk.h5ad"
        ad.AnnData(x, obs=obs, var=var).write_h5ad(path)
        tk = tokenizer.TranscriptomeTokenizer.__new__(tokenizer.TranscriptomeTokenizer)
        tk.__dict__.update(
            custom_attr_name_dict={"n_counts": "n_counts"}, chunk_size=16, collapse_gene_ids=True, use_h5ad_index=False,
            keep_counts=False, gene_median_dict=MEDIANS, gene_token_dict=TOKENS,
            gene_mapping_dict={alias: gene for alias, gene in MAPPING.items() if gene in TOKENS},
            genelist_dict=dict.fromkeys(TOKENS, True),
        )
        found = iter(tk.tokenize_anndata(path)[0])
    passes = obs["filter_pass"].to_numpy() == 1 if filter_pass else np.ones(cells, bool)
    rows = [[int(t) for t in crop_to(next(found), TOKENS, special, size)] if ok else [] for ok in passes]
    stored = matrix if encoding != "dense" else sp.csr_matrix(x)
    return {
        "name": name, "ids": list(ids), "dtype": dtype, "encoding": encoding, "sumsType": sums,
        "sums": [float(v) for v in obs["n_counts"]],
        "filterPass": obs["filter_pass"].tolist() if filter_pass else None,
        "indptr": stored.indptr.tolist(), "indices": stored.indices.tolist(), "values": [float(v) for v in stored.data],
        "tokenizer": {"targetSum": 10000, "specialToken": special, "inputSize": size, "tieBreak": "stable"},
        "vocabulary": vocabulary(GENES, TOKENS, MEDIANS, MAPPING),
        "tokens": rows,
    }


def crop_to(cell, tokens: dict, special: bool, size: int):
    """What create_dataset does to a cell."""
    if not special:
        return cell[:size]
    return [tokens["<cls>"], *cell[: size - 2], tokens["<eos>"]]


def with_stable_sort(module):
    module.rank_genes = lambda values, tokens: tokens[np.argsort(-values, kind="stable")]
    return module


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
