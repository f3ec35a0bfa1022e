"""numpy_check.py BUILD: files and arrays in memory between NumPy and attune, both ways."""

import ctypes
import gc
import pathlib
import sys
import tempfile
import weakref

import numpy as np

DTYPES = [np.float16, np.float32, np.float64, np.int8, np.int32, np.int64, np.uint8, np.bool_]
SHAPES = [(), (1,), (3,), (2, 3), (0, 4), (2, 1, 5), (1, 2, 1, 2, 1, 2, 1, 2)]
WIDENED = {np.int16: np.int32, np.uint16: np.int32, np.uint32: np.int64}

capsule_new = ctypes.pythonapi.PyCapsule_New
capsule_new.restype = ctypes.py_object
capsule_new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
capsule_pointer.restype = ctypes.c_void_p
capsule_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
capsule_rename = ctypes.pythonapi.PyCapsule_SetName
capsule_rename.argtypes = [ctypes.py_object, ctypes.c_char_p]


USED = {name: b"used_" + name for name in (b"dltensor", b"dltensor_versioned")}  # capsules keep pointers


class Shared:
    """What np.from_dlpack takes."""

    def __init__(self, pointer, name):
        self.capsule = capsule_new(pointer, name, None)

    def __dlpack__(self, **_):
        return self.capsule

    def __dlpack_device__(self):
        return (1, 0)


def through(function, array, version, name):
    capsule = array.__dlpack__(max_version=version)
    pointer = function(capsule_pointer(capsule, name))
    assert pointer, "refused"
    capsule_rename(capsule, USED[name])
    return np.from_dlpack(Shared(pointer, name))


def check_memory(library):
    for function in (library.pass_on, library.pass_copy):
        function.restype, function.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    rng = np.random.default_rng(2)
    for dtype in DTYPES:
        for shape in SHAPES:
            x = np.asarray(rng.standard_normal(shape) * 50).astype(dtype)
            for array in (x, x.T, x[::-1] if x.ndim else x):
                same = through(library.pass_on, array, (1, 0), b"dltensor_versioned")
                assert same.dtype == array.dtype and same.tobytes() == array.tobytes()
                assert not same.flags.writeable and (array.size == 0 or np.shares_memory(same, array))
                copy = through(library.pass_copy, array, None, b"dltensor")
                assert copy.tobytes() == array.tobytes() and not np.shares_memory(copy, array)

    class Watched(np.ndarray):
        pass

    array = np.arange(3.0).view(Watched)
    alive = weakref.ref(array)
    same = through(library.pass_on, array, (1, 0), b"dltensor_versioned")
    del array
    gc.collect()
    assert alive() is not None and same.sum() == 3
    del same
    gc.collect()
    assert alive() is None


def check_files(library, folder):
    library.copy_file.restype = ctypes.c_char_p

    def copy(source, target):
        return library.copy_file(str(source).encode(), str(target).encode())

    rng = np.random.default_rng(1)
    arrays, count = {}, 0
    for dtype in DTYPES + list(WIDENED):
        for i, shape in enumerate(SHAPES):
            x = np.asarray(rng.standard_normal(shape) * 50).astype(dtype)
            arrays[f"{np.dtype(dtype).name}.{i}"] = x
            want = x.astype(WIDENED.get(dtype, dtype))
            for order in (x, x.copy(order="F"), x.astype(x.dtype.newbyteorder(">"))):
                for version in ((1, 0), (2, 0), (3, 0)):
                    source, target = folder / "in.npy", folder / "out.npy"
                    with open(source, "wb") as file:
                        np.lib.format.write_array(file, order, version)
                    error = copy(source, target)
                    assert error is None, error
                    got = np.load(target)
                    assert got.dtype == want.dtype and got.shape == want.shape
                    assert got.tobytes() == want.tobytes()
                    count += 1
    arrays["größe ü"] = np.float32([np.nan, -0.0])
    for save in (np.savez, np.savez_compressed):
        for name in ("out.npz", "deflate.npz"):
            save(folder / "in.npz", **arrays, texts=np.array(["a"]))
            error = copy(folder / "in.npz", folder / name)
            assert error is None, error
            with np.load(folder / name) as got:
                assert set(got.files) == set(arrays)
                for key, x in arrays.items():
                    want = x.astype(WIDENED.get(x.dtype.type, x.dtype))
                    assert got[key].tobytes() == want.tobytes() and got[key].shape == x.shape, key
    np.save(folder / "objects.npy", np.array([{}], object))
    assert b"pickles" in copy(folder / "objects.npy", folder / "out.npy")
    return count


def main():
    build = pathlib.Path(sys.argv[1])
    library = ctypes.CDLL(build / "libattune_numpy_share.so")
    check_memory(library)
    with tempfile.TemporaryDirectory() as folder:
        count = check_files(library, pathlib.Path(folder))
    print(f"{count} arrays and their archives came back from attune, and all dtypes through memory")


if __name__ == "__main__":
    main()
