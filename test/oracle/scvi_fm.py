"""A tiny scVI model of real scvi-tools, exported by scripts/export/scvi.py, and what scvi-tools gives for pbmc-24.

    python test/oracle/scvi_fm.py

Needs scvi-tools 1.x, anndata, torch, onnx. Writes test/fixtures/models/:
- scvi-tiny/: the bundle. The model was trained for moments on 24 cells: its numbers mean nothing but themselves;
- scvi-tiny_pbmc-24.f32: get_latent_representation(give_mean=True) of the 24 cells, float32, row-major. A fifth of the
  model's genes are missing in them: scvi-tools fills those with zeros (load_query_data);
- scvi-counts-tiny/, scvi-counts-tiny_pbmc-24.f32: the same of a model that takes counts as they are (log_variational=False).

Prints what the export script says to models that it refuses.
"""

import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import scvi

warnings.filterwarnings("ignore")
ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "test" / "fixtures" / "models"
EXPORT = ROOT / "scripts" / "export" / "scvi.py"
# Some have none; they are named as no gene of any cell is.
MISSING = [f"ENSG99999{i:06d}" for i in range(60)]
SHARED = 240


def cells_by_ensembl_id():
    cells = ad.read_zarr(ROOT / "test" / "fixtures" / "pbmc-24" / "chunk_0.zarr")
    cells.var_names = [str(name).split(".")[0] for name in cells.var["ensembl_id"]]
    cells = cells[:, ~cells.var_names.duplicated() & cells.var_names.str.startswith("ENSG")]
    counts = np.asarray(cells.layers["counts"].todense(), dtype=np.float32)
    return ad.AnnData(counts, obs=cells.obs[[]].copy(), var=cells.var[[]].copy())


def reference(cells):
    """The genes with most counts, in an order of their own, among genes that the cells lack."""
    rng = np.random.default_rng(5)
    most = np.argsort(-cells.X.sum(axis=0), kind="stable")[:SHARED]
    genes = [*cells.var_names[most], *MISSING]
    counts = np.concatenate([cells.X[:, most], rng.poisson(1.0, (cells.n_obs, len(MISSING)))], axis=1)
    order = rng.permutation(len(genes))
    data = ad.AnnData(counts[:, order].astype(np.float32), obs=cells.obs.copy())
    data.var_names = [genes[i] for i in order]
    data.obs["batch"] = ["a", "b"] * (cells.n_obs // 2)
    return data


def train(data, **settings):
    scvi.settings.seed = 0
    scvi.model.SCVI.setup_anndata(data, batch_key="batch")
    model = scvi.model.SCVI(data, n_hidden=16, n_latent=50, n_layers=2, **settings)
    model.train(max_epochs=20, batch_size=8, accelerator="cpu", logger=False, enable_progress_bar=False)
    return model


def export(folder, out):
    return subprocess.run(
        [sys.executable, EXPORT, "--model", folder, "--out", out], capture_output=True, text=True, check=False
    )


def latent(folder, cells):
    query = cells.copy()
    query.obs["batch"] = "unseen"
    scvi.model.SCVI.prepare_query_anndata(query, folder)
    model = scvi.model.SCVI.load_query_data(query, folder)
    model.is_trained = True
    return model.get_latent_representation(query, give_mean=True).astype(np.float32)


def main():
    TARGET.mkdir(parents=True, exist_ok=True)
    cells = cells_by_ensembl_id()
    data = reference(cells)
    with tempfile.TemporaryDirectory() as scratch:
        for name, settings in {"scvi-tiny": {}, "scvi-counts-tiny": {"log_variational": False}}.items():
            folder = f"{scratch}/{name}"
            train(data, **settings).save(folder)
            done = export(folder, TARGET / name)
            print(done.stdout, done.stderr)
            done.check_returncode()
            latent(folder, cells).tofile(TARGET / f"{name}_pbmc-24.f32")
        refused = {}
        for name, settings in {
            "ln": {"latent_distribution": "ln"},
            "encode_covariates": {"encode_covariates": True},
        }.items():
            train(data, **settings).save(f"{scratch}/{name}")
            refused[name] = export(f"{scratch}/{name}", f"{scratch}/{name}-bundle").stderr.strip()
        print(json.dumps(refused, indent=1))


if __name__ == "__main__":
    main()
