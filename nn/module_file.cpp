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

// x in another dtype that can hold its values: rounding to a floating dtype is fine, becoming
// infinite is not; integers must stay what they are.
Tensor cast_safely(const Tensor& x, DType dtype, const std::string& name, const std::string& path) {
  if (x.dtype() == dtype) return x;
  const Tensor y = x.cast(dtype);
  const DType wide = is_floating(x.dtype()) || is_floating(dtype) ? DType::f64 : DType::i64;
  const Tensor before = x.cast(wide), after = y.cast(wide);
  const Tensor held = is_floating(dtype) ? after.isinf().eq(before.isinf()) : after.eq(before);
  const bool holds = held.all().item<bool>();
  check<DTypeError>(holds, "load: '{}' is {} in {}, with values that {} cannot hold", name,
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
  std::map<std::string, Tensor> file;
  for (const auto& [name, x] : load_safetensors(path)) file[name] = x;

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
