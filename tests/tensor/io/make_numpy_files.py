"""make_numpy_files.py > numpy_files.h: what NumPy writes, as bytes in a header, for npy_test.cpp."""

import io

import numpy as np

print("#pragma once\n// What NumPy writes, byte for byte. Made by make_numpy_files.py.\n")
print("#include <string_view>\n\nnamespace attune::numpy_files {\n")
print("// clang-format off\nusing namespace std::string_view_literals;\n")


def literal(data):
    lines, line = [], ""
    for byte in data:
        c = chr(byte)
        line += c if 32 <= byte < 127 and c not in '"\\?' else f"\\{byte:03o}"
        if len(line) > 88:
            lines.append(line)
            line = ""
    lines.append(line)
    return "\n".join(f'    "{line}"sv' if i == len(lines) - 1 else f'    "{line}"' for i, line in enumerate(lines))


def show(name, data):
    print(f"inline constexpr std::string_view {name} =\n{literal(data)};")


def npy(name, array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version)
    show(name, out.getvalue())


def npz(name, save, **arrays):
    out = io.BytesIO()
    save(out, **arrays)
    show(name, out.getvalue())


six = np.arange(6.0).reshape(2, 3)
npy("f64_rows", six)
npy("f64_fortran", np.asfortranarray(six))
npy("f64_big_endian", six.astype(">f8"))
npy("f32_scalar", np.float32(2.5).reshape(()))
npy("i32_version2", np.int32([1, -2, 3]), (2, 0))
npy("i64_version3", np.int64([[1], [-(2**62)]]), (3, 0))
npy("i16_big_endian", np.array([1, -2, 300], ">i2"))
npy("u16", np.uint16([1, 65535]))
npy("u32", np.uint32([1, 4294967295]))
npy("u8_empty", np.zeros((0, 4), np.uint8))
npy("booleans", np.array([True, False]))
npy("f16_values", np.float16([0.5, -np.inf]))
npy("i8_cube_fortran", np.asfortranarray(np.arange(24, dtype=np.int8).reshape(2, 3, 4)))
npy("uint64", np.uint64([1]))
npy("complex64", np.complex64([1j]))
npy("texts", np.array(["ab", "c"]))
npy("dates", np.array(["2026-01-01"], "M8[D]"))
npy("structure", np.array([(1, 2.0)], [("a", "<i4"), ("b", "<f8")]))
npy("objects", np.array([{}], object))
npz("stored", np.savez, w=six, b=np.int32([7]))
npz("deflated", np.savez_compressed, w=six, names=np.array(["x"]), zeros=np.zeros(1000, np.float32))
print("\n// clang-format on\n}  // namespace attune::numpy_files")
