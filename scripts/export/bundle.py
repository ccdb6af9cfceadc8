"""What the exporters share: command line, refusals, reading of pickles without running code, and how a bundle is written."""

import argparse
import hashlib
import json
import pickle
import re
import types
from pathlib import Path

FORMAT = {"format": "obsmith-bundle", "formatVersion": 1}
ENSEMBL_ID = re.compile(r"^ENS[A-Z]*\d{6,}")


class Refused(SystemExit):
    """The model cannot be a bundle; the message says why and what to do."""


class DataUnpickler(pickle.Unpickler):
    """A pickle may run code: only containers, numpy arrays and tensors are let in."""

    ALLOWED = {
        "_codecs": {"encode"},
        "builtins": {"dict", "list", "set", "frozenset", "tuple", "bytes", "bytearray", "int", "float", "str", "bool", "complex", "slice"},
        "collections": {"OrderedDict", "defaultdict"},
        "numpy": {"ndarray", "dtype"},
        "numpy.core.multiarray": {"_reconstruct", "scalar"},
        "numpy._core.multiarray": {"_reconstruct", "scalar"},
        "torch": {"device", "Size"},
        "torch._utils": {"_rebuild_tensor_v2", "_rebuild_parameter"},
    }

    def find_class(self, module, name):
        # Older protocols use the names of Python 2.
        known = self.ALLOWED.get("builtins" if module == "__builtin__" else module, ())
        if name in known or (module == "torch" and name.endswith("Storage")):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it holds {module}.{name}; only data was expected")


# Takes the place of the module pickle where torch.load asks for one.
DATA_PICKLE = types.SimpleNamespace(__name__="pickle", Unpickler=DataUnpickler, load=pickle.load)


def bundle_arguments(description, model_help):
    """The parser of an exporter's command line, with what every exporter takes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, type=Path, help=model_help)
    parser.add_argument("--out", required=True, type=Path, help="folder of the bundle; its name becomes the id")
    return parser


def licence_of(*folders):
    """What the model card of the hub says, in the first folder that has one."""
    for folder in folders:
        card = folder / "README.md"
        stated = re.search(r"^license:\s*(\S+)", card.read_text(encoding="utf-8"), re.MULTILINE) if card.is_file() else None
        if stated:
            return stated.group(1)
    return "not stated; see where the model comes from"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def sha256_of_file(path):
    return sha256(path.read_bytes())


def write_bundle(out: Path, files, description):
    out.mkdir(parents=True, exist_ok=True)
    (out / "bundle.json").unlink(missing_ok=True)
    for name, data in files.items():
        (out / name).write_bytes(data)
    # Last: without it, the folder is no bundle.
    description["sha256"] = {name: sha256(data) for name, data in files.items()}
    (out / "bundle.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
