#include "attune/nn/module.h"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <typeinfo>

#include "attune/nn/internal/visit.h"
#include "attune/tensor/internal/check.h"

namespace attune::nn {

using internal::Distinct;
using internal::Named;

namespace {

// The fields of a module that is only looked at: fields() is not const because optimizers and
// load() write through it.
void look(const Module& module, Fields& fields) { const_cast<Module&>(module).fields(fields); }

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

struct Children : Fields {
  std::vector<Module*> all;
  void on_child(std::string_view, Module& child) override { all.push_back(&child); }
};

struct Save : Fields {
  Checkpoint saved;
  void on_parameter(std::string_view, Tensor& x) override { saved.tensors.push_back(x); }
  void on_buffer(std::string_view, Tensor& x) override { saved.tensors.push_back(x); }
  void on_stream(std::string_view, Rng& rng) override { saved.streams.push_back(rng); }
};

// Walks a checkpoint beside a module; writes only if told to, so that a checkpoint that does not
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

struct Cast : Fields {
  DType dtype;
  explicit Cast(DType to) : dtype(to) {}
  void cast(Tensor& x) const {
    if (is_floating(x.dtype()) && x.dtype() != dtype) x = x.cast(dtype).detach();
  }
  void on_buffer(std::string_view, Tensor& x) override { cast(x); }
};

struct Observation {
  const Module* module;
  Shape output;
};
thread_local std::vector<Observation>* observations = nullptr;

struct Row {
  std::string name, kind, output;
  std::string parameters;
};

// One row a module: leaves and groups alike, children below their parent.
struct Rows : Named {
  std::vector<Row> all;
  const std::vector<Observation>& seen;

  explicit Rows(const std::vector<Observation>& observed) : seen(observed) {}

  void add(const std::string& name, const Module& module) {
    Row row{name, module.describe(), "", ""};
    for (const Observation& o : seen) {
      if (o.module == &module) row.output = o.output.to_string();
    }
    const int64_t count = module.parameter_count();
    if (count > 0) row.parameters = fmt::format("{}", count);
    all.push_back(std::move(row));
  }
  void on_child(std::string_view name, Module& child) override {
    add(dotted(name), child);
    Named::on_child(name, child);
  }
};

}  // namespace

void Fields::on_child(std::string_view, Module& child) { child.fields(*this); }

bool Module::observed() { return observations != nullptr; }

Tensor Module::operator()(const Tensor& x) {
  Tensor y = forward(x);
  if (observations != nullptr) observations->push_back({this, y.shape()});
  return y;
}

std::string Module::describe() const {
  const char* mangled = typeid(*this).name();
  const std::unique_ptr<char, void (*)(void*)> readable(
      abi::__cxa_demangle(mangled, nullptr, nullptr, nullptr), std::free);
  const std::string name = readable ? readable.get() : mangled;
  const size_t colon = name.rfind("::");
  return colon == std::string::npos ? name : name.substr(colon + 2);
}

std::vector<Tensor> Module::parameters() const {
  Parameters found;
  found.all.reserve(16);
  look(*this, found);
  return std::move(found.all);
}

NamedTensors Module::named_parameters() const {
  NamedParameters found;
  look(*this, found);
  return std::move(found.all);
}

std::vector<Tensor> Module::buffers() const {
  Buffers found;
  look(*this, found);
  return std::move(found.all);
}

NamedTensors Module::named_buffers() const {
  NamedBuffers found;
  look(*this, found);
  return std::move(found.all);
}

int64_t Module::parameter_count() const {
  Count count;
  look(*this, count);
  return count.elements;
}

void Module::train(bool on) {
  training_ = on;
  Children children;
  fields(children);
  for (Module* child : children.all) child->train(on);
}

Checkpoint Module::checkpoint() const {
  Save save;
  look(*this, save);
  return std::move(save.saved);
}

void Module::restore(const Checkpoint& saved) {
  Restore probe(saved, false);
  fields(probe);
  check<ValueError>(
      probe.fits && probe.tensors == saved.tensors.size() && probe.streams == saved.streams.size(),
      "restore: the checkpoint has {} tensors and {} random streams, {} has {} and "
      "{}, or other shapes; it comes from another kind of module",
      saved.tensors.size(), saved.streams.size(), describe(), probe.tensors, probe.streams);
  Restore writer(saved, true);
  fields(writer);
}

void Module::to(DType dtype) {
  check<DTypeError>(is_floating(dtype), "Module::to: needs f32 or f64, got {}", dtype);
  Cast cast(dtype);
  fields(cast);
  internal::Writable parameters(*this);
  for (size_t i = 0; i < parameters.size(); ++i) cast.cast(parameters[i]);
}

std::string Module::summary(const Shape& input_shape, DType dtype) {
  std::vector<Observation> seen;
  {
    const internal::ModeScope evaluating(*this, false);
    struct Listen {
      explicit Listen(std::vector<Observation>* to) { observations = to; }
      ~Listen() { observations = nullptr; }
    } const listen(&seen);
    (*this)(Tensor::zeros(input_shape, dtype));
  }
  Rows rows(seen);
  rows.add("", *this);
  fields(rows);

  size_t name = 5, kind = 4, output = 6;
  for (const Row& row : rows.all) {
    name = std::max(name, row.name.size());
    kind = std::max(kind, row.kind.size());
    output = std::max(output, row.output.size());
  }
  std::string text;
  const auto line = [&](const Row& row) {
    text += fmt::format("{:<{}}  {:<{}}  {:<{}}  {:>10}\n", row.name, name, row.kind, kind,
                        row.output, output, row.parameters);
  };
  line({"layer", "kind", "output", "parameters"});
  for (const Row& row : rows.all) line(row);
  return text;
}

}  // namespace attune::nn
