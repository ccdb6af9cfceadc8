"""Tiny Geneformer models of the real classes, exported by scripts/export/geneformer.py, and what PyTorch gives for pbmc-24.

    python test/oracle/geneformer_models.py TOKENIZER

TOKENIZER is the unmodified geneformer/tokenizer.py of the Geneformer package, see geneformer_tokens.py. Needs torch,
transformers, onnx, onnxruntime, anndata, scanpy. Weights are random numbers of a fixed seed, far from what an untrained
model starts with, so that a bias or an attention head in the wrong place shows. Writes test/fixtures/models/:
- geneformer-tiny/: series V2, from a BertForMaskedLM in model.safetensors, with a mapping of synonyms;
- geneformer-v1-tiny/: series V1, from a BertForSequenceClassification in pytorch_model.bin, without mapping;
- geneformer*_pbmc-24.json.gz: for each of the 24 cells { tokens, cls, mean }: its genuine tokens (stable sort), and what
  EmbExtractor takes from hidden_states[-2] of the model for them, padded as there;
Prints what the export script says to what it refuses.
"""

import gzip
import json
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import anndata as ad
import numpy as np
import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification

from geneformer_tokens import crop_to, load_tokenizer

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "test" / "fixtures"
TARGET = FIXTURES / "models"
EXPORT = ROOT / "scripts" / "export" / "geneformer.py"
GENES = 900
SPECIAL = {"V1": ["<pad>", "<mask>"], "V2": ["<pad>", "<mask>", "<cls>", "<eos>"]}
POSITIONS = {"V1": 256, "V2": 512}


def cells_with_ensembl_ids():
    cells = ad.read_zarr(FIXTURES / "pbmc-24" / "chunk_0.zarr")
    ids = [str(name).split(".")[0] for name in cells.var["ensembl_id"]]
    found = ad.AnnData(cells.layers["counts"].copy(), obs=cells.obs[["n_counts"]].copy())
    found.var["ensembl_id"] = ids
    return found


def dictionaries(series, cells):
    """The genes of the real V1 vocabulary with most counts, in the order of their ids, with their real medians."""
    vocabulary = json.loads(gzip.decompress((FIXTURES / "geneformer" / "v1-vocabulary.json.gz").read_bytes()))
    medians = dict(zip(vocabulary["genes"], vocabulary["medians"]))
    counts = np.asarray(cells.X.sum(axis=0)).ravel()
    most = [cells.var["ensembl_id"].iloc[i] for i in np.argsort(-counts, kind="stable")]
    genes = sorted(list(dict.fromkeys(gene for gene in most if gene in medians))[:GENES])
    names = [*SPECIAL[series], *genes]
    tokens = {name: token for token, name in enumerate(names)}
    return tokens, {gene: np.float64(medians[gene]) for gene in genes}


def synonyms(tokens, cells):
    """Five columns of other genes count as synonyms of genes of the vocabulary, so that columns are summed."""
    genes = [name for name in tokens if not name.startswith("<")]
    others = [gene for gene in cells.var["ensembl_id"] if gene.startswith("ENSG") and gene not in tokens]
    return {gene: gene for gene in genes} | dict(zip(others[:5], genes[::200]))


def random_model(series, vocabulary_size):
    torch.manual_seed(11 if series == "V1" else 12)
    config = BertConfig(
        vocab_size=vocabulary_size, hidden_size=24 if series == "V1" else 32, num_hidden_layers=3, num_attention_heads=4,
        intermediate_size=48, hidden_act="relu", max_position_embeddings=POSITIONS[series], layer_norm_eps=1e-12,
        pad_token_id=0, attn_implementation="eager",
    )
    model = (BertForSequenceClassification if series == "V1" else BertForMaskedLM)(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            centre = 1.0 if name.endswith("LayerNorm.weight") else 0.0
            parameter.copy_(centre + 0.3 * torch.randn_like(parameter))
    return model


def save(model, folder):
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder)
    weights = {name: tensor.contiguous().clone() for name, tensor in model.state_dict().items()}
    if isinstance(model, BertForMaskedLM):
        save_file(weights, f"{folder}/model.safetensors", metadata={"format": "pt"})
    else:
        torch.save(weights, f"{folder}/pytorch_model.bin")


def export(folder, series, files, out):
    command = [sys.executable, EXPORT, "--model", folder, "--series", series, "--out", out]
    for option, content in files.items():
        path = Path(folder, f"{option}.pkl")
        path.write_bytes(pickle.dumps(content))
        command += [f"--{option}", path]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def tokens_of(tokenizer, series, cells, tokens, medians, mapping):
    tk = tokenizer.TranscriptomeTokenizer.__new__(tokenizer.TranscriptomeTokenizer)
    tk.__dict__.update(
        custom_attr_name_dict=None, chunk_size=512, collapse_gene_ids=True, use_h5ad_index=False, keep_counts=False,
        gene_median_dict=medians, gene_token_dict=tokens, gene_mapping_dict=mapping or {gene: gene for gene in tokens},
        genelist_dict=dict.fromkeys(tokens, True),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "chunk.h5ad")
        cells.write_h5ad(path)
        found = tk.tokenize_anndata(path)[0]
    return [[int(t) for t in crop_to(cell, tokens, series == "V2", POSITIONS[series])] for cell in found]


def embeddings(model, series, rows):
    """EmbExtractor.get_embs for emb_layer -1: cells in one batch, padded to the longest."""
    lengths = torch.tensor([len(row) for row in rows])
    longest = int(lengths.max())
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask = (torch.arange(longest) < lengths[:, None]).long()
    with torch.no_grad():
        states = model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states[-2]
    first = 1 if series == "V2" else 0
    genes = states[:, first:]
    count = lengths - 2 * first
    genes = torch.where((torch.arange(genes.shape[1]) < count[:, None])[:, :, None], genes, torch.zeros(()))
    return states[:, 0], genes.sum(dim=1) / count[:, None]


def make(tokenizer, series, name):
    cells = cells_with_ensembl_ids()
    tokens, medians = dictionaries(series, cells)
    mapping = synonyms(tokens, cells) if series == "V2" else None
    model = random_model(series, len(tokens))
    with tempfile.TemporaryDirectory() as folder:
        save(model, folder)
        files = {"token-dictionary": tokens, "gene-median": medians} | ({"ensembl-mapping": mapping} if mapping else {})
        done = export(folder, series, files, TARGET / name)
        print(done.stdout, done.stderr)
        done.check_returncode()
        rows = tokens_of(tokenizer, series, cells, tokens, medians, mapping)
        cls, mean = embeddings(model, series, rows)
        reference = [
            {"tokens": row, "cls": rounded(first), "mean": rounded(average)} for row, first, average in zip(rows, cls, mean)
        ]
        content = json.dumps(reference, separators=(",", ":")).encode()
        (TARGET / f"{name}_pbmc-24.json.gz").write_bytes(gzip.compress(content, 9, mtime=0))
        return refusals(folder, series, files, tokens, medians)


def rounded(values):
    return [float(f"{value:.8g}") for value in values.tolist()]


def refusals(folder, series, files, tokens, medians):
    """What the export script says to damaged variants of what it just exported."""
    gene = [name for name in tokens if not name.startswith("<")][0]
    other = "V1" if series == "V2" else "V2"
    variants = {
        f"{series} as {other}": (other, files),
        f"{series}, a token too many": (series, files | {"token-dictionary": tokens | {"ENSG00009999999": len(tokens)}}),
        f"{series}, without a median": (series, files | {"gene-median": {k: v for k, v in medians.items() if k != gene}}),
        f"{series}, code in a pickle": (series, files | {"gene-median": Path("medians")}),
    }
    said = {}
    for name, (given, dictionaries_given) in variants.items():
        said[name] = refusal(folder, given, dictionaries_given)
    original = Path(folder, "config.json").read_text()
    for key, value in {"hidden_act": "gelu", "position_embedding_type": "relative_key", "num_hidden_layers": 5}.items():
        Path(folder, "config.json").write_text(json.dumps(json.loads(original) | {key: value}))
        said[f"{series}, {key} {value}"] = refusal(folder, series, files)
    Path(folder, "config.json").write_text(original)
    return said


def refusal(folder, series, files):
    with tempfile.TemporaryDirectory() as out:
        done = export(folder, series, files, Path(out, "bundle"))
        written = Path(out, "bundle", "bundle.json").exists()
    if done.returncode == 0 or written:
        raise SystemExit(f"exported, but a refusal was expected: {done.stdout}")
    return done.stderr.strip().splitlines()[-1].replace(str(folder), "DIR").replace(tempfile.gettempdir(), "TMP")


def main(tokenizer_file):
    tokenizer = load_tokenizer(tokenizer_file)
    said = make(tokenizer, "V2", "geneformer-tiny") | make(tokenizer, "V1", "geneformer-v1-tiny")
    print(json.dumps(said, indent=1))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
