"""safetensors_check.py BUILD: files of tensors between Python's safetensors and attune, both ways."""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

DTYPES = [np.float32, np.float64, np.int32, np.int64, np.uint8, np.bool_]
SHAPES = [(), (1,), (3,), (2, 3), (0, 4), (2, 1, 5), (1, 2, 1, 2, 1, 2, 1, 2)]


def copy(build, source, target):
    command = [build / "safetensors_copy", source, target]
    return subprocess.run(command, capture_output=True, text=True)


def main():
    build = pathlib.Path(sys.argv[1])
    rng = np.random.default_rng(1)
    tensors = {
        f"{np.dtype(dtype).name}.{i}": np.asarray(rng.standard_normal(shape) * 50).astype(dtype)
        for dtype in DTYPES
        for i, shape in enumerate(SHAPES)
    }
    tensors["größe \"5\"\n"] = np.float32([np.nan, np.inf, -0.0, 1e-45])
    metadata = {"format": "np", "note": "ümläut"}
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = pathlib.Path(folder, "ours"), pathlib.Path(folder, "theirs")
        save_file(tensors, theirs, metadata=metadata)
        result = copy(build, theirs, ours)
        assert result.returncode == 0, result.stderr
        found = load_file(ours)
        assert found.keys() == tensors.keys()
        for name, x in tensors.items():
            assert found[name].dtype == x.dtype and found[name].shape == x.shape, name
            assert found[name].tobytes() == x.tobytes(), name
        with safe_open(ours, "np") as file:
            assert file.metadata() == metadata, file.metadata()

        whole = theirs.read_bytes()
        for size in range(0, len(whole), 97):
            theirs.write_bytes(whole[:size])
            result = copy(build, theirs, ours)
            assert result.returncode == 1 and "not a safetensors file" in result.stderr, size
    print(f"{len(tensors)} tensors came back from attune byte for byte, with their metadata")


if __name__ == "__main__":
    main()
