"""The peers of `npm run bench -- models`: models to export, and the Python that they are compared with.

    python scripts/bench/peer_models.py make-geneformer SHAPE GENES OUT    a checkpoint with random weights, its dictionaries and bundle
    python scripts/bench/peer_models.py make-scvi GENES OUT                an untrained scVI model and its bundle
    python scripts/bench/peer_models.py raw-h5ad CHUNK OUT                 counts of a chunk as the tokenizer wants them
    python scripts/bench/peer_models.py tokenize TOKENIZER FOLDER H5AD [DATASET]   the genuine tokenizer
    python scripts/bench/peer_models.py forward FOLDER TOKENS VARIANT      PyTorch: upstream, trimmed-eager or trimmed-sdpa
    python scripts/bench/peer_models.py scvi FOLDER CHUNK...               scvi-tools, on the chunks as one

GENES is a text file, an Ensembl id per line. TOKENS is JSON, the tokens of each cell. Commands that measure print
{ cells, seconds } in JSON, start-up apart. tokenize counts seconds of CPU, reading the file and, if it is named, writing
the data set of tokens included; that needs the package datasets. scvi reads the chunks, too, and also prints the seconds
without reading.
"""

import contextlib
import json
import pickle
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np

warnings.filterwarnings("ignore")
EXPORT = Path(__file__).resolve().parents[1] / "export"
sys.path.append(str(Path(__file__).resolve().parents[2] / "test" / "oracle"))
from genuine_tokenizer import load_tokenizer  # noqa: E402

SEED = 0
# Series, width, blocks, heads, inner width, positions, vocabulary.
SHAPES = {
    "V1-10M": ("V1", 256, 6, 4, 512, 2048, 25426),
    "V2-104M": ("V2", 768, 12, 12, 3072, 4096, 20275),
}
SPECIAL = {"V1": ["<pad>", "<mask>"], "V2": ["<pad>", "<mask>", "<cls>", "<eos>"]}
SCVI = {"n_hidden": 128, "n_latent": 50, "n_layers": 1}
SCVI_GENES = 8000
# Cells per forward pass in the embedding step of the pipeline that Obsmith reads configurations of.
UPSTREAM_BATCH = 128
MEDIANS = (0.5, 4.0)


def make_geneformer(shape, genes_file, out):
    import torch
    from transformers import BertConfig, BertForMaskedLM

    series, width, blocks, heads, inner, positions, vocabulary = SHAPES[shape]
    folder = Path(out, "checkpoint")
    folder.mkdir(parents=True)
    torch.manual_seed(SEED)
    config = BertConfig(
        vocab_size=vocabulary, hidden_size=width, num_hidden_layers=blocks, num_attention_heads=heads,
        intermediate_size=inner, hidden_act="relu", max_position_embeddings=positions, layer_norm_eps=1e-12, pad_token_id=0,
    )
    BertForMaskedLM(config).save_pretrained(folder)
    known = Path(genes_file).read_text().split()
    count = vocabulary - len(SPECIAL[series])
    genes = [*known, *(f"ENSG99{number:09d}" for number in range(count))][:count]
    medians = np.random.default_rng(SEED).uniform(*MEDIANS, count)
    dictionaries = {
        "token-dictionary": {name: token for token, name in enumerate([*SPECIAL[series], *genes])},
        "gene-median": dict(zip(genes, medians.tolist())),
    }
    options = ["--series", series]
    for option, content in dictionaries.items():
        path = Path(out, f"{option}.pkl")
        path.write_bytes(pickle.dumps(content))
        options += [f"--{option}", path]
    export("geneformer.py", folder, out, options)


def make_scvi(genes_file, out):
    import anndata as ad
    import scvi

    scvi.settings.seed = SEED
    genes = Path(genes_file).read_text().split()[:SCVI_GENES]
    data = ad.AnnData(np.random.default_rng(SEED).poisson(1.0, (8, len(genes))).astype(np.float32))
    data.var_names = genes
    scvi.model.SCVI.setup_anndata(data)
    scvi.model.SCVI(data, **SCVI).save(f"{out}/checkpoint", overwrite=True)
    export("scvi.py", Path(out, "checkpoint"), out, [])


def export(script, folder, out, options):
    command = [sys.executable, EXPORT / script, "--model", folder, *options, "--out", f"{out}/bundle"]
    subprocess.run(command, check=True, stdout=sys.stderr)


def raw_h5ad(chunk, out):
    import anndata as ad

    cells = ad.read_zarr(chunk)
    raw = ad.AnnData(cells.layers["counts"].copy(), obs=cells.obs[[]].copy(), var=cells.var[["ensembl_id"]].copy())
    raw.obs["n_counts"] = np.asarray(raw.X.sum(axis=1)).ravel()
    raw.write_h5ad(out)


def tokenize(tokenizer_file, folder, h5ad, dataset=None):
    module = load_tokenizer(Path(tokenizer_file), needs_datasets=dataset is not None)
    tokens = pickle.loads(Path(folder, "token-dictionary.pkl").read_bytes())
    medians = pickle.loads(Path(folder, "gene-median.pkl").read_bytes())
    tokenizer = module.TranscriptomeTokenizer.__new__(module.TranscriptomeTokenizer)
    tokenizer.__dict__.update(
        custom_attr_name_dict=None, nproc=1, chunk_size=512, model_input_size=4096, special_token=True,
        collapse_gene_ids=True, use_h5ad_index=False, keep_counts=False, gene_median_dict=medians, gene_token_dict=tokens,
        gene_mapping_dict={gene: gene for gene in tokens}, genelist_dict=dict.fromkeys(tokens, True),
    )
    started = time.process_time()
    cells, metadata, counts = tokenizer.tokenize_anndata(Path(h5ad))
    if dataset:
        tokenizer.create_dataset(cells, metadata, counts).save_to_disk(dataset)
    return {"cells": len(cells), "seconds": time.process_time() - started}


def forward(folder, tokens_file, variant):
    import torch
    from transformers import BertForMaskedLM, BertModel, logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()

    cells = [torch.tensor(cell) for cell in json.loads(Path(tokens_file).read_text())]
    checkpoint = f"{folder}/checkpoint"
    if variant == "upstream":
        model = BertForMaskedLM.from_pretrained(checkpoint, output_hidden_states=True).eval()
        run = lambda: in_padded_batches(model, cells)
    else:
        attention = variant.removeprefix("trimmed-")
        model = BertModel.from_pretrained(checkpoint, add_pooling_layer=False, attn_implementation=attention).eval()
        model.encoder.layer = model.encoder.layer[:-1]
        run = lambda: [model(input_ids=cell[None]).last_hidden_state.mean(dim=1) for cell in cells]
    with torch.inference_mode():
        model(input_ids=cells[0][None, :64])
        started = time.perf_counter()
        run()
        return {"cells": len(cells), "seconds": time.perf_counter() - started}


def in_padded_batches(model, cells):
    """As Geneformer's EmbExtractor: longest first, batches padded to their longest cell, all blocks and the head."""
    import torch

    ordered = sorted(cells, key=len, reverse=True)
    for start in range(0, len(ordered), UPSTREAM_BATCH):
        batch = ordered[start : start + UPSTREAM_BATCH]
        ids = torch.nn.utils.rnn.pad_sequence(batch, batch_first=True)
        lengths = torch.tensor([len(cell) for cell in batch])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        states = model(input_ids=ids, attention_mask=mask).hidden_states[-2]
        (states * mask[:, :, None]).sum(dim=1) / lengths[:, None]


def scvi_latent(folder, *chunks):
    import anndata as ad
    import scipy.sparse as sp
    import scvi

    started = time.perf_counter()
    cells = [ad.read_zarr(chunk) for chunk in chunks]
    query = ad.AnnData(sp.vstack([chunk.layers["counts"] for chunk in cells], format="csr"))
    query.var_names = cells[0].var["ensembl_id"].astype(str)
    del cells
    read = time.perf_counter()
    checkpoint = f"{folder}/checkpoint"
    scvi.model.SCVI.prepare_query_anndata(query, checkpoint)
    model = scvi.model.SCVI.load_query_data(query, checkpoint)
    model.is_trained = True
    model.get_latent_representation(query, give_mean=True)
    ended = time.perf_counter()
    return {"cells": query.n_obs, "seconds": ended - started, "secondsInMemory": ended - read}


COMMANDS = {
    "make-geneformer": make_geneformer,
    "make-scvi": make_scvi,
    "raw-h5ad": raw_h5ad,
    "tokenize": tokenize,
    "forward": forward,
    "scvi": scvi_latent,
}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    # The libraries print, too; stdout is for the result alone.
    with contextlib.redirect_stdout(sys.stderr):
        result = COMMANDS[sys.argv[1]](*sys.argv[2:])
    if result is not None:
        print(json.dumps(result))
