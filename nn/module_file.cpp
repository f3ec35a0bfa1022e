// Module::save and Module::load.

#include <algorithm>
#include <cstring>
#include <map>

#include "attune/nn/internal/visit.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/io/safetensors.h"

namespace attune::nn {
namespace {

// Every parameter and buffer by name, and the fields that hold it: several if it is tied.
struct Entry {
  std::vector<std::string> names;
  std::vector<Tensor*> fields;
};

struct Entries : internal::Named {
  std::vector<Entry> all;

  explicit Entries(const ModuleBase& module) { internal::look(module, *this); }

  void on_parameter(std::string_view name, Tensor& x) override {
    const size_t i = distinct_.number(x);
    if (i == place_.size()) {
      place_.push_back(all.size());
      all.emplace_back();
    }
    all[place_[i]].names.push_back(dotted(name));
    all[place_[i]].fields.push_back(&x);
  }
  void on_buffer(std::string_view name, Tensor& x) override {
    all.push_back({{dotted(name)}, {&x}});
  }

 private:
  internal::Distinct distinct_;  // of the parameters
  std::vector<size_t> place_;    // of each of them in `all`
};

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::memcmp(attune::internal::block(a).data, attune::internal::block(b).data,
                     static_cast<size_t>(a.numel()) * byte_size(a.dtype())) == 0;
}

// Whether a floating tensor and one of integers or booleans hold the same numbers. 2^63 is above
// all i64, but would be cast to the largest of them.
bool same_numbers(const Tensor& floating, const Tensor& integers) {
  const Tensor wide = floating.cast(DType::f64), whole = integers.cast(DType::i64);
  const Tensor same = whole.cast(DType::f64).eq(wide).logical_and(wide.cast(DType::i64).eq(whole));
  return same.logical_and(wide.lt(0x1p63)).all().item<bool>();
}

// Whether y, which is x in another dtype, holds x's values: from one floating dtype to another they
// may be rounded, but must not become infinite; otherwise each must stay what it is.
bool holds(const Tensor& y, const Tensor& x) {
  const bool from = is_floating(x.dtype()), to = is_floating(y.dtype());
  if (from != to) return from ? same_numbers(x, y) : same_numbers(y, x);
  const Tensor kept = from ? y.isinf().eq(x.isinf()) : y.cast(DType::i64).eq(x.cast(DType::i64));
  return kept.all().item<bool>();
}

// x in another dtype, which must be able to hold its values.
Tensor cast_safely(const Tensor& x, DType dtype, const std::string& name, const std::string& path) {
  if (x.dtype() == dtype) return x;
  const Tensor y = x.cast(dtype);
  check<DTypeError>(holds(y, x), "load: '{}' is {} in {}, with values that {} cannot hold", name,
                    x.dtype(), path, dtype);
  return y;
}

}  // namespace

void ModuleBase::save(const std::string& path) const {
  NamedTensors tensors;
  for (const Entry& entry : Entries(*this).all) {
    for (const std::string& name : entry.names) tensors.emplace_back(name, *entry.fields[0]);
  }
  check<ValueError>(!tensors.empty(),
                    "save: {} has no parameters and no buffers; does its fields() list them?",
                    describe());
  save_safetensors(path, tensors);
}

void ModuleBase::load(const std::string& path) {
  const Entries mine(*this);
  check<ValueError>(!mine.all.empty(),
                    "load: {} has no parameters and no buffers; does its fields() list them?",
                    describe());
  const TensorFile contents = load_safetensors(path);
  for (const auto& other : contents.others()) {
    fail<DTypeError>("load: '{}' is {} in {}, which attune does not have", other.name, other.dtype,
                     path);
  }
  std::map<std::string, Tensor> file(contents.begin(), contents.end());
  // Of tensors that share their memory, safetensors.torch.save_model() keeps one, and says in the
  // metadata under which name the others are found.
  for (const Entry& entry : mine.all) {
    for (const std::string& name : entry.names) {
      const auto alias = contents.metadata().find(name);
      if (file.contains(name) || alias == contents.metadata().end()) continue;
      if (contents.contains(alias->second)) file[name] = contents.at(alias->second).clone();
    }
  }

  std::map<std::string, Tensor> unknown = file;
  std::vector<Tensor> loaded;
  for (const Entry& entry : mine.all) {
    const Tensor& field = *entry.fields[0];
    const std::string* from = nullptr;  // the first of its names that the file has
    for (const std::string& name : entry.names) {
      const auto found = file.find(name);
      if (found == file.end()) continue;
      check<ValueError>(unknown.erase(name) == 1, "load: {} has two fields named '{}'", describe(),
                        name);
      const Tensor& x = found->second;
      check<ShapeError>(x.shape() == field.shape(), "load: '{}' is {} in {}, but {} in this module",
                        name, x.shape(), path, field.shape());
      check<ValueError>(from == nullptr || same_bits(file.at(*from), x),
                        "load: '{}' and '{}' are one parameter of {} (tied weights), but differ "
                        "in {}",
                        from == nullptr ? name : *from, name, describe(), path);
      if (from == nullptr) from = &name;
    }
    check<IoError>(from != nullptr, "load: {} has no '{}', which {} needs ({} {})", path,
                   entry.names[0], describe(), field.dtype(), field.shape());
    loaded.push_back(cast_safely(file.at(*from), field.dtype(), *from, path));
  }
  check<IoError>(unknown.empty(), "load: {} has '{}', which {} does not have", path,
                 unknown.empty() ? "" : unknown.begin()->first, describe());

  for (size_t i = 0; i < loaded.size(); ++i) {
    for (Tensor* field : mine.all[i].fields) *field = loaded[i];
  }
}

}  // namespace attune::nn
