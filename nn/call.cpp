// How a module is called: directly, or watched. The first call of a model is watched to find layers
// that fields() does not list; summary() watches to learn the shapes of outputs; and while a tape
// traps what is not finite, calls are watched so that it can name the layer.

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "attune/nn/internal/visit.h"
#include "attune/nn/module.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/flops.h"
#include "attune/tensor/internal/trap.h"
#include "attune/tensor/memory.h"

namespace attune::nn {
namespace {

struct Output {
  const ModuleBase* module;
  std::string shapes;
};

// The modules of a tree, and which tensors they hold.
struct Listed : internal::Named {
  std::unordered_set<const ModuleBase*> modules;
  std::unordered_set<const attune::internal::Block*> tensors;

  void on_parameter(std::string_view, Tensor& x) override { tensors.insert(x.block()); }
  void on_buffer(std::string_view, Tensor& x) override { tensors.insert(x.block()); }
  void on_child(std::string_view name, ModuleBase& child) override {
    modules.insert(&child);
    Named::on_child(name, child);
  }
};

// Whether a module holds anything that `listed` does not.
struct Foreign : Fields {
  const Listed& listed;
  bool found = false;
  explicit Foreign(const Listed& known) : listed(known) {}
  void on_parameter(std::string_view, Tensor& x) override {
    found = found || !listed.tensors.contains(x.block());
  }
  void on_buffer(std::string_view name, Tensor& x) override { on_parameter(name, x); }
  void on_stream(std::string_view, Rng&) override { found = true; }
};

// A view of a parameter is a value of its own as soon as either is updated.
struct RefuseViews : internal::Named {
  const ModuleBase& root;
  const Listed& listed;
  RefuseViews(const ModuleBase& model, const Listed& known) : root(model), listed(known) {}
  void on_parameter(std::string_view name, Tensor& x) override {
    check<ValueError>(!listed.tensors.contains(attune::internal::block(x).base),
                      "{}: the parameter '{}' is a view of another; they would part at the first "
                      "update. Let both fields hold the same tensor to tie them, or clone() it to "
                      "begin with its values",
                      root.describe(), dotted(name));
  }
};

// The dotted names of a tree's modules; the root's is empty.
struct LayerNames : internal::Named {
  std::unordered_map<const ModuleBase*, attune::internal::Place> names;

  void on_child(std::string_view name, ModuleBase& child) override {
    names.try_emplace(&child, std::make_shared<const std::string>(dotted(name)));
    Named::on_child(name, child);
  }
};

struct Row {
  std::string name, kind, output, parameters;
};

// A row for each module, children below their parent.
struct Rows : internal::Named {
  std::vector<Row> all;
  const std::vector<Output>& seen;

  explicit Rows(const std::vector<Output>& outputs) : seen(outputs) {}

  void add(const std::string& name, const ModuleBase& module) {
    Row row{name, module.describe(), "", ""};
    for (const Output& output : seen) {
      if (output.module == &module) row.output = output.shapes;
    }
    const int64_t count = module.parameter_count();
    if (count > 0) row.parameters = fmt::format("{}", count);
    all.push_back(std::move(row));
  }
  void on_child(std::string_view name, ModuleBase& child) override {
    add(dotted(name), child);
    Named::on_child(name, child);
  }
};

thread_local int eval_scopes = 0;

}  // namespace

namespace internal {

struct Watch {
  const ModuleBase& root;
  std::vector<Output>* outputs;  // of summary(); otherwise null
  const ModuleBase* caller = nullptr;
  Listed listed;
  LayerNames layers;  // while a tape traps

  Watch(const ModuleBase& model, std::vector<Output>* to) : root(model), outputs(to) {
    list();
    RefuseViews refuse(root, listed);
    look(root, refuse);
  }

  void list() {
    listed.modules = {&root};
    listed.tensors.clear();
    look(root, listed);
  }

  void admit(const ModuleBase& module) {
    if (listed.modules.contains(&module)) return;
    list();  // forward() may have made it just now
    if (listed.modules.contains(&module)) return;
    Foreign foreign(listed);
    look(module, foreign);
    check<ValueError>(
        !foreign.found,
        "{}: forward() calls {}, which fields() does not list, so that it would not be trained, "
        "saved or switched by eval(). List it by f(\"name\", layer), or by f.frozen(\"name\", "
        "layer) if it is not to be trained",
        (caller != nullptr ? *caller : root).describe(), module.describe());
  }
};

namespace {
thread_local Watch* watch = nullptr;

bool trapping() { return attune::internal::this_recording.traps; }

attune::internal::Place layer_of_op() {
  if (watch == nullptr || watch->caller == nullptr) return {};
  const auto found = watch->layers.names.find(watch->caller);
  return found == watch->layers.names.end() ? attune::internal::Place() : found->second;
}
}  // namespace

}  // namespace internal

using internal::watch;

EvalScope::EvalScope() { ++eval_scopes; }
EvalScope::~EvalScope() { --eval_scopes; }

bool ModuleBase::training() const { return training_ && eval_scopes == 0; }
bool ModuleBase::watched() const {
  return watch != nullptr || !checked_.set.load(std::memory_order_relaxed) || internal::trapping();
}
bool ModuleBase::observed() {
  return watch != nullptr && (watch->outputs != nullptr || internal::trapping());
}

ModuleBase::Call::Call(ModuleBase& module) : module_(module) {
  if (watch == nullptr) {
    own_ = std::make_unique<internal::Watch>(module, nullptr);
    watch = own_.get();
    if (internal::trapping()) {
      internal::look(module, own_->layers);
      attune::internal::place_of_op = internal::layer_of_op;
    }
  } else {
    watch->admit(module);
  }
  caller_ = std::exchange(watch->caller, &module);
}

ModuleBase::Call::~Call() {
  watch->caller = caller_;
  if (own_ == nullptr) return;
  watch = nullptr;
  attune::internal::place_of_op = nullptr;
}

void ModuleBase::Call::add(const Tensor& y) {
  if (watch->outputs == nullptr || !y.defined()) return;
  if (!shapes_.empty()) shapes_ += ", ";
  shapes_ += y.shape().to_string();
}

void ModuleBase::Call::finish() {
  if (watch->outputs != nullptr) watch->outputs->push_back({&module_, shapes_});
  if (own_ != nullptr) module_.checked_.set.store(true, std::memory_order_relaxed);
}

Tensor Module::operator()(const Tensor& x) {
  if (!watched()) return forward(x);
  Call call(*this);
  Tensor y = forward(x);
  call.returned(y);
  return y;
}

Tensor Module::operator()(const Tensor& x) const {
  const EvalScope evaluating;
  return const_cast<Module&>(*this)(x);
}

std::string Module::summary(const Shape& input_shape, DType dtype) const {
  return summary_of([&] { (*this)(Tensor::zeros(input_shape, dtype)); });
}

std::string ModuleBase::summary_of(const std::function<void()>& run) const {
  std::vector<Output> seen;
  const int64_t before = attune::internal::flops_asked;
  int64_t bytes = 0;
  {
    const MemoryLimitScope counted(std::numeric_limits<int64_t>::max());
    const EvalScope evaluating;
    internal::Watch mine(*this, &seen);
    struct Listen {
      internal::Watch* outer;
      explicit Listen(internal::Watch* to) : outer(std::exchange(watch, to)) {}
      ~Listen() { watch = outer; }
    } const listen(&mine);
    run();
    bytes = counted.peak();
  }
  const int64_t flops = attune::internal::flops_asked - before;
  Rows rows(seen);
  rows.add("", *this);
  internal::look(*this, rows);

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
  return text + fmt::format("{} parameters; {} bytes and {} flop for this input\n",
                            parameter_count(), bytes, flops);
}

}  // namespace attune::nn
