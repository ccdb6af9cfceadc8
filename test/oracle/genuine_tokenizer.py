"""Loads the unmodified geneformer/tokenizer.py of the Geneformer package without what it does not need here."""

import importlib.util
import sys
import types
from pathlib import Path


def load_tokenizer(path: Path, needs_datasets: bool = False):
    """Its module, with stubs for packages that are not needed (`datasets` only where tokens become a data set)."""
    stubs = ["loompy", "tqdm"] + ([] if needs_datasets else ["datasets"])
    if needs_datasets:
        import datasets  # before tqdm is a stub

        datasets.disable_caching()
    for name in stubs:
        sys.modules[name] = types.ModuleType(name)
    if not needs_datasets:
        sys.modules["datasets"].Dataset = None
    sys.modules["tqdm"].tqdm = lambda items: items
    package = types.ModuleType("geneformer")
    package.__path__ = [str(path.parent)]
    for name in ("ENSEMBL_MAPPING_FILE", "GENE_MEDIAN_FILE", "TOKEN_DICTIONARY_FILE"):
        setattr(package, name, None)
    sys.modules["geneformer"] = package
    spec = importlib.util.spec_from_file_location("geneformer.tokenizer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
