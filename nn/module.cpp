// What follows from a module's fields: parameters, names, modes, checkpoints, casts.

#include "attune/nn/module.h"

#include <cxxabi.h>

#include <cstdlib>
#include <typeinfo>

#include "attune/nn/internal/visit.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/tape.h"

namespace attune::nn {

using internal::Distinct;
using internal::look;
using internal::Named;

namespace {

struct Parameters : Fields {
  std::vector<Tensor> all;
  Distinct distinct;
  void on_parameter(std::string_view, Tensor& x) override {
    if (distinct.number(x) == all.size()) all.push_back(x);
  }
};

struct Buffers : Fields {
  std::vector<Tensor> all;
  void on_buffer(std::string_view, Tensor& x) override { all.push_back(x); }
};

struct NamedParameters : Named {
  NamedTensors all;
  Distinct distinct;
  void on_parameter(std::string_view name, Tensor& x) override {
    if (distinct.number(x) == all.size()) all.emplace_back(dotted(name), x);
  }
};

struct NamedBuffers : Named {
  NamedTensors all;
  void on_buffer(std::string_view name, Tensor& x) override { all.emplace_back(dotted(name), x); }
};

struct Count : Fields {
  int64_t elements = 0;
  Distinct distinct;
  void on_parameter(std::string_view, Tensor& x) override {
    const size_t known = distinct.count();
    if (distinct.number(x) == known) elements += x.numel();
  }
};

struct Mode : Fields {
  bool training;
  explicit Mode(bool on) : training(on) {}
  void on_child(std::string_view, ModuleBase& child) override { child.train(training); }
};

struct Save : Fields {
  Checkpoint saved;
  void on_parameter(std::string_view, Tensor& x) override { saved.tensors.push_back(x); }
  void on_buffer(std::string_view, Tensor& x) override { saved.tensors.push_back(x); }
  void on_stream(std::string_view, Rng& rng) override { saved.streams.push_back(rng); }
};

// Walks a checkpoint beside a module. Writes only if told to, so that a checkpoint that does not
// fit is refused as a whole.
struct Restore : Fields {
  const Checkpoint& saved;
  const bool write;
  size_t tensors = 0, streams = 0;
  bool fits = true;

  Restore(const Checkpoint& checkpoint, bool writing) : saved(checkpoint), write(writing) {}

  void on_parameter(std::string_view, Tensor& x) override {
    const size_t i = tensors++;
    fits = fits && i < saved.tensors.size() && saved.tensors[i].shape() == x.shape();
    if (write) x = saved.tensors[i];
  }
  void on_buffer(std::string_view name, Tensor& x) override { on_parameter(name, x); }
  void on_stream(std::string_view, Rng& rng) override {
    const size_t i = streams++;
    fits = fits && i < saved.streams.size();
    if (write) rng = saved.streams[i];
  }
};

// Every field, and what it is in another dtype. Nothing changes before all casts are done.
struct Casts : Fields {
  DType dtype;
  Distinct distinct;
  std::vector<Tensor> parameters;  // cast, each once
  std::vector<std::pair<Tensor*, Tensor>> changes;

  explicit Casts(DType to) : dtype(to) {}
  Tensor cast(const Tensor& x) const { return is_floating(x.dtype()) ? x.cast(dtype) : x; }
  void on_parameter(std::string_view, Tensor& x) override {
    const size_t i = distinct.number(x);
    if (i == parameters.size()) parameters.push_back(cast(x));
    changes.emplace_back(&x, parameters[i]);
  }
  void on_buffer(std::string_view, Tensor& x) override { changes.emplace_back(&x, cast(x)); }
};

// "attune::nn::Linear" -> "Linear". Colons within template arguments and parameter lists do not
// count.
std::string last_part(const std::string& name) {
  int depth = 0;
  for (size_t i = name.size(); i-- > 0;) {
    const char c = name[i];
    if (c == '>' || c == ')') ++depth;
    if (c == '<' || c == '(') --depth;
    if (c == ':' && depth == 0) return name.substr(i + 1);
  }
  return name;
}

}  // namespace

void Fields::on_child(std::string_view name, ModuleBase& child) {
  enter(name);
  child.fields(*this);
  leave(name);
}

std::string ModuleBase::describe() const {
  const char* mangled = typeid(*this).name();
  const std::unique_ptr<char, void (*)(void*)> readable(
      abi::__cxa_demangle(mangled, nullptr, nullptr, nullptr), std::free);
  return last_part(readable ? readable.get() : mangled);
}

std::vector<Tensor> ModuleBase::parameters() const {
  Parameters found;
  found.all.reserve(16);
  look(*this, found);
  return std::move(found.all);
}

NamedTensors ModuleBase::named_parameters() const {
  NamedParameters found;
  look(*this, found);
  return std::move(found.all);
}

std::vector<Tensor> ModuleBase::buffers() const {
  Buffers found;
  look(*this, found);
  return std::move(found.all);
}

NamedTensors ModuleBase::named_buffers() const {
  NamedBuffers found;
  look(*this, found);
  return std::move(found.all);
}

int64_t ModuleBase::parameter_count() const {
  Count count;
  look(*this, count);
  return count.elements;
}

void ModuleBase::train(bool on) {
  training_ = on;
  Mode mode(on);
  fields(mode);
}

Checkpoint ModuleBase::checkpoint() const {
  Save save;
  look(*this, save);
  return std::move(save.saved);
}

void ModuleBase::restore(const Checkpoint& saved) {
  Restore probe(saved, false);
  fields(probe);
  check<ValueError>(
      probe.fits && probe.tensors == saved.tensors.size() && probe.streams == saved.streams.size(),
      "restore: the checkpoint has {} tensors and {} random streams, {} has {} and {}, or other "
      "shapes; it comes from another kind of module",
      saved.tensors.size(), saved.streams.size(), describe(), probe.tensors, probe.streams);
  Restore writer(saved, true);
  fields(writer);
}

void ModuleBase::to(DType dtype) {
  check<DTypeError>(is_floating(dtype), "Module::to: needs a floating dtype, got {}", dtype);
  const NoGradScope not_recorded;
  Casts casts(dtype);
  fields(casts);
  for (auto& [field, x] : casts.changes) *field = std::move(x);
}

}  // namespace attune::nn
