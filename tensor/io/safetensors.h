#pragma once
// Tensors by name in one file, in the safetensors format: Python's `safetensors` reads what is
// written here, and the other way round.

#include <string>

#include "attune/tensor/io/tensor_file.h"
#include "attune/tensor/tensor.h"

namespace attune {

// Writes tensors of every dtype and any strides. The file appears complete or not at all (it is
// written under another name, synced and renamed). IoError says why, for instance that the disk is
// full; ValueError for a name used twice.
void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const Metadata& metadata = {});

// Reads and checks the whole file: one that is truncated, has gaps or overlaps, or claims more than
// it holds throws IoError with the path and the byte. A tensor of a type that attune does not have,
// such as F8_E4M3, hinders none of the others: at() throws its DTypeError.
TensorFile load_safetensors(const std::string& path);

// The same without copying: the tensors' elements lie in the file, mapped into memory, which stays
// so until the last of them is gone. Only what is used is read. An element type that does not lie
// on its own boundary in the file is copied. The file may be deleted or replaced meanwhile
// (save_safetensors replaces), but must not be overwritten or cut short in place: reading beyond
// its end is a signal.
TensorFile map_safetensors(const std::string& path);

}  // namespace attune
