#include "attune/tensor/io/tensor_file.h"

#include <algorithm>

#include "attune/base/internal/text.h"
#include "attune/tensor/internal/check.h"

namespace attune {

const Tensor& TensorFile::at(const std::string& name) const {
  for (const auto& [key, tensor] : tensors_) {
    if (key == name) return tensor;
  }
  for (const Other& other : others_) {
    check<DTypeError>(other.name != name, "at: {} [{}] is of type {}, which attune does not have",
                      in_quotes(name), fmt::join(other.shape, ", "), printable(other.dtype));
  }
  ListInQuotes names;
  for (const auto& [key, tensor] : tensors_) names.add(key);
  for (const Other& other : others_) names.add(other.name);
  fail<ValueError>("at: the file has no tensor named {}; there are: {}", in_quotes(name),
                   names.text());
}

bool TensorFile::contains(const std::string& name) const {
  return std::ranges::any_of(tensors_, [&](const auto& entry) { return entry.first == name; });
}

}  // namespace attune
