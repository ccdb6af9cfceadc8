"""A tiny PCA of scikit-learn, exported by scripts/export/pca.py, and what scikit-learn gives for pbmc-24.

    python test/oracle/pca_bundle.py

Needs scikit-learn, anndata, numpy. Writes test/fixtures/models/:
- pca-tiny/: the bundle, of a scaler and 5 components over 60 genes, 10 of which no cell of pbmc-24 has;
- pca-tiny_pbmc-24.f64: the scores of the 24 cells by transform() of scaler and PCA, float64, row-major.

Prints what the export script says to arrays that it refuses.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import anndata as ad
import numpy as np
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "test" / "fixtures" / "models"
EXPORT = ROOT / "scripts" / "export" / "pca.py"
MISSING = [f"ENSG99999{i:06d}" for i in range(10)]
SHARED = 50


def expression():
    """Of the most expressed genes, log-normalised, in an order of their own, among genes that the cells lack."""
    cells = ad.read_zarr(ROOT / "test" / "fixtures" / "pbmc-24" / "chunk_0.zarr")
    cells.var_names = [str(name) for name in cells.var["ensembl_id"]]
    cells = cells[:, ~cells.var_names.duplicated() & cells.var_names.str.startswith("ENSG")]
    x = np.asarray(cells.X.todense(), dtype=np.float64)
    most = np.argsort(-x.sum(axis=0), kind="stable")[:SHARED]
    order = np.random.default_rng(6).permutation(SHARED + len(MISSING))
    genes = np.array([*cells.var_names[most], *MISSING], dtype=str)[order]
    return genes, np.concatenate([x[:, most], np.zeros((len(x), len(MISSING)))], axis=1)[:, order]


def export(arrays, out):
    with tempfile.TemporaryDirectory() as scratch:
        np.savez(f"{scratch}/pca.npz", **arrays)
        command = [sys.executable, EXPORT, "--model", f"{scratch}/pca.npz", "--out", out]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def main():
    TARGET.mkdir(parents=True, exist_ok=True)
    genes, x = expression()
    # The model has seen the genes that the cells lack.
    seen = x + np.isin(genes, MISSING) * np.random.default_rng(7).poisson(1.0, x.shape)
    scaler = StandardScaler().fit(seen)
    pca = PCA(5, svd_solver="full").fit(scaler.transform(seen))
    arrays = {
        "genes": genes,
        "components": pca.components_,
        "pca_mean": pca.mean_ + 0.25,
        "scaler_mean": scaler.mean_,
        "scaler_scale": scaler.scale_,
    }
    pca.mean_ = arrays["pca_mean"]
    done = export(arrays, TARGET / "pca-tiny")
    print(done.stdout, done.stderr)
    done.check_returncode()
    pca.transform(scaler.transform(x)).astype("<f8").tofile(TARGET / "pca-tiny_pbmc-24.f64")
    bad = {
        "no components": {"genes": genes, "pca_mean": pca.mean_},
        "genes as objects": {**arrays, "genes": genes.astype(object)},
        "other genes": {**arrays, "genes": genes[1:]},
        "a gene twice": {**arrays, "genes": np.array([genes[1], *genes[1:]])},
        "infinite": {**arrays, "pca_mean": pca.mean_ * np.inf},
        "a scale of 0": {**arrays, "scaler_scale": scaler.scale_ * 0},
    }
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps({name: export(given, f"{scratch}/bundle").stderr.strip() for name, given in bad.items()}, indent=1))


if __name__ == "__main__":
    main()
