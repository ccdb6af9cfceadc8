"""Makes resources/demo/models/: small models with random weights, so that the demo runs every method without a download.

    python scripts/resources/make_demo_models.py

Their embeddings say nothing about cells. Both are of the real classes and go through scripts/export like real models:
- demo-geneformer: series V2, 64 dimensions, tokens and random medians for genes that both demo samples have;
- demo-scvi: 50 dimensions, never trained, over the same genes.

Needs scripts/export/requirements.txt and scvi-tools. Prints the sha256 of each bundle.json, for resources/README.md.
"""

import hashlib
import pickle
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import scvi
import torch
from transformers import BertConfig, BertForMaskedLM

warnings.filterwarnings("ignore")
ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "resources" / "demo" / "models"
SEED = 7
SAMPLES = ["pbmc_5k_protein_v3.h5ad", "pbmc_10k_protein_v3.h5ad"]
GENES = 4500
SPECIAL = ["<pad>", "<mask>", "<cls>", "<eos>"]
CARD = "---\nlicense: mit\n---\nRandom weights, for the demo of Obsmith. Its embeddings say nothing about cells.\n"


def most_counted_genes():
    """Ensembl ids of the genes with most counts that all samples have, by the bundled table of symbols."""
    table = (ROOT / "resources" / "genes" / "symbols-homo-sapiens.tsv").read_text().splitlines()
    ids = dict(line.split("\t") for line in table)
    samples = [ad.read_h5ad(ROOT / "resources" / "demo" / name) for name in SAMPLES]
    counts = [dict(zip(cells.var_names, np.asarray(cells.X.sum(axis=0)).ravel())) for cells in samples]
    shared = [symbol for symbol in counts[0] if symbol in ids and all(symbol in sample for sample in counts)]
    shared.sort(key=lambda symbol: (-sum(sample[symbol] for sample in counts), symbol))
    return sorted(dict.fromkeys(ids[symbol] for symbol in shared[:GENES]))


def geneformer(genes, folder):
    torch.manual_seed(SEED)
    config = BertConfig(
        vocab_size=len(SPECIAL) + len(genes), hidden_size=64, num_hidden_layers=3, num_attention_heads=4,
        intermediate_size=128, hidden_act="relu", max_position_embeddings=1024, layer_norm_eps=1e-12, pad_token_id=0,
    )
    BertForMaskedLM(config).save_pretrained(folder)
    medians = np.random.default_rng(SEED).uniform(0.5, 2, len(genes)).round(3)
    dictionaries = {
        "token-dictionary": {name: token for token, name in enumerate([*SPECIAL, *genes])},
        "gene-median": {gene: float(median) for gene, median in zip(genes, medians)},
    }
    options = ["--series", "V2"]
    for option, content in dictionaries.items():
        path = Path(folder, f"demo-{option}.pkl")
        path.write_bytes(pickle.dumps(content))
        options += [f"--{option}", path]
    return options


def untrained_scvi(genes, folder):
    scvi.settings.seed = SEED
    counts = np.random.default_rng(SEED).poisson(1.0, (8, len(genes))).astype(np.float32)
    data = ad.AnnData(counts)
    data.var_names = genes
    scvi.model.SCVI.setup_anndata(data)
    scvi.model.SCVI(data, n_hidden=32, n_latent=50, n_layers=1).save(folder, overwrite=True)
    return []


def main():
    genes = most_counted_genes()
    for name, script, make in (
        ("demo-geneformer", "geneformer.py", geneformer),
        ("demo-scvi", "scvi.py", untrained_scvi),
    ):
        with tempfile.TemporaryDirectory() as folder:
            options = make(genes, folder)
            Path(folder, "README.md").write_text(CARD)
            command = [sys.executable, ROOT / "scripts" / "export" / script, "--model", folder, *options]
            subprocess.run([*command, "--out", TARGET / name], check=True)
        print(hashlib.sha256((TARGET / name / "bundle.json").read_bytes()).hexdigest(), f"demo/models/{name}/bundle.json")


if __name__ == "__main__":
    main()
