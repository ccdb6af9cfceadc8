"""Makes resources/ from the upstream files, in open formats that need no Python and no unpickling to read.

    python scripts/resources/make_resources.py UPSTREAM_RESOURCES GENCODE_CSV

UPSTREAM_RESOURCES  the folder resources/ of mengerj/adata_hf_datasets: gene_selection_common_genes.txt,
                    gene_selection_10k.txt, cellxgene_geo_pca_10000_to_50.pkl
GENCODE_CSV         gencode_genes_homo_sapiens.csv.gz of chanzuckerberg/single-cell-curation
                    (id, symbol, version, length, type; no header)

Needs numpy, pandas and scikit-learn (to unpickle upstream's model; only here, never at run time).
Prints the sha256 of each file that it wrote, for resources/README.md.
"""

import hashlib
import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pandas as pd

RESOURCES = Path(__file__).resolve().parents[2] / "resources"


def main(upstream: Path, gencode: Path) -> None:
    for folder in ("gene-lists", "genes", "pretrained-pca"):
        (RESOURCES / folder).mkdir(parents=True, exist_ok=True)
    gene_list(upstream / "gene_selection_common_genes.txt", "gs", 3936)
    gs10k = gene_list(upstream / "gene_selection_10k.txt", "gs10k", 10000)
    symbol_table(gencode)
    pretrained_pca(upstream / "cellxgene_geo_pca_10000_to_50.pkl", gs10k)


def write(name: str, content: bytes) -> str:
    (RESOURCES / name).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    print(f"{digest}  {name}")
    return digest


def gene_list(source: Path, name: str, expected: int) -> list[str]:
    genes = [line.strip() for line in source.read_text().splitlines() if line.strip()]
    assert len(genes) == expected and len(set(genes)) == expected, f"{source}: {len(genes)} genes"
    write(f"gene-lists/{name}.txt", ("\n".join(genes) + "\n").encode())
    return genes


def symbol_table(gencode: Path) -> None:
    """One id per symbol: protein-coding genes first, then the lowest (longest established) Ensembl id."""
    genes = pd.read_csv(gencode, header=None, names=["id", "symbol", "version", "length", "type"], keep_default_na=False)
    genes = genes[genes.symbol != genes.id]
    genes = genes.assign(other=genes.type != "protein_coding").sort_values(["symbol", "other", "id"], kind="stable")
    chosen = genes.drop_duplicates("symbol")
    write("genes/symbols-homo-sapiens.tsv", "".join(f"{s}\t{i}\n" for s, i in zip(chosen.symbol, chosen.id)).encode())


def pretrained_pca(source: Path, genes: list[str]) -> None:
    model = pickle.loads(source.read_bytes())
    pca, scaler = model["pca_model"], model["scaler"]
    assert list(model["gene_order"]) == genes, "the model's genes are not the gs10k list"
    assert pca.components_.shape == (50, len(genes)) and not pca.whiten
    arrays = {
        "components": pca.components_.astype("<f4"),
        "pca_mean": pca.mean_.astype("<f4"),
        "scaler_mean": scaler.mean_.astype("<f8"),
        "scaler_scale": scaler.scale_.astype("<f8"),
    }
    assert all(np.isfinite(a).all() for a in arrays.values())
    files = {}
    for name, array in arrays.items():
        file = f"{name}.{'f32' if array.dtype == np.dtype('<f4') else 'f64'}"
        digest = write(f"pretrained-pca/{file}", np.ascontiguousarray(array).tobytes())
        files[name] = {"file": file, "dtype": array.dtype.str, "shape": list(array.shape), "sha256": digest}
    description = {
        "id": "cellxgene_geo_pca_10000_to_50",
        "source": "mengerj/adata_hf_datasets: resources/cellxgene_geo_pca_10000_to_50.pkl",
        "sourceSha256": hashlib.sha256(source.read_bytes()).hexdigest(),
        "licence": "MIT",
        "genes": "gene-lists/gs10k.txt",
        "transform": "((x - scaler_mean) / scaler_scale - pca_mean) @ components.T, x log-normalised, absent genes 0",
        "arrays": files,
    }
    write("pretrained-pca/model.json", (json.dumps(description, indent=2) + "\n").encode())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
