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

// What a file holds, in the order in which it names it.
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

// Writes f32 f64 i32 i64 u8 and boolean tensors of any strides. The file appears complete or not at
// all (it is written beside its place, synced and renamed). IoError says why not, for instance that
// the disk is full; ValueError for a name used twice.
void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const Metadata& metadata = {});

// Reads and checks all of it: a file that is truncated, has gaps or overlaps, or claims what its
// length cannot hold is an IoError with the path and the byte.
TensorFile load_safetensors(const std::string& path);

}  // namespace attune
