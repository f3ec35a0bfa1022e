#pragma once
// Tensors by name in one file, in the safetensors format: Python's `safetensors` reads what is
// written here, and the other way round.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "attune/tensor/tensor.h"

namespace attune {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;
using Metadata = std::map<std::string, std::string>;

// The contents of a file, in the order in which it names them.
class TensorFile {
 public:
  TensorFile(NamedTensors tensors, Metadata metadata)
      : tensors_(std::move(tensors)), metadata_(std::move(metadata)) {}

  const Tensor& at(const std::string& name) const;  // ValueError names what there is
  bool contains(const std::string& name) const;
  size_t size() const { return tensors_.size(); }
  NamedTensors::const_iterator begin() const { return tensors_.begin(); }
  NamedTensors::const_iterator end() const { return tensors_.end(); }
  const Metadata& metadata() const { return metadata_; }

 private:
  NamedTensors tensors_;
  Metadata metadata_;
};

// Writes tensors of every dtype and any strides. The file appears complete or not at all (it is
// written under another name, synced and renamed). IoError says why, for instance that the disk is
// full; ValueError for a name used twice.
void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const Metadata& metadata = {});

// Reads and checks the whole file: one that is truncated, has gaps or overlaps, or claims more than
// it holds throws IoError with the path and the byte.
TensorFile load_safetensors(const std::string& path);

}  // namespace attune
