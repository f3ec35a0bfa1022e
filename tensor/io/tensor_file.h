#pragma once
// What a file of named tensors held.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "attune/tensor/tensor.h"

namespace attune {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;
using Metadata = std::map<std::string, std::string>;

// The contents of a file, in the order in which it names them. Iterating leaves out tensors of a
// type that attune does not have; others() lists them.
class TensorFile {
 public:
  struct Other {
    std::string name, dtype;     // as the file calls it
    std::vector<int64_t> shape;  // of any rank
  };

  TensorFile(NamedTensors tensors, Metadata metadata, std::vector<Other> others = {})
      : tensors_(std::move(tensors)), metadata_(std::move(metadata)), others_(std::move(others)) {}

  // ValueError names what there is; DTypeError for one of others().
  const Tensor& at(const std::string& name) const;
  bool contains(const std::string& name) const;  // whether at() returns
  size_t size() const { return tensors_.size(); }
  NamedTensors::const_iterator begin() const { return tensors_.begin(); }
  NamedTensors::const_iterator end() const { return tensors_.end(); }
  const Metadata& metadata() const { return metadata_; }
  const std::vector<Other>& others() const { return others_; }

 private:
  NamedTensors tensors_;
  Metadata metadata_;
  std::vector<Other> others_;
};

}  // namespace attune
