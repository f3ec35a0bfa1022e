// Module::save and Module::load.

#include <map>

#include "attune/nn/internal/visit.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/io/safetensors.h"

namespace attune::nn {
namespace {

struct Everything : internal::Named {
  NamedTensors all;
  void on_parameter(std::string_view name, Tensor& x) override {
    all.emplace_back(dotted(name), x);
  }
  void on_buffer(std::string_view name, Tensor& x) override { on_parameter(name, x); }
};

struct Assign : internal::Named {
  std::map<std::string, Tensor>& values;
  explicit Assign(std::map<std::string, Tensor>& from) : values(from) {}
  void on_parameter(std::string_view name, Tensor& x) override { x = values.at(dotted(name)); }
  void on_buffer(std::string_view name, Tensor& x) override { on_parameter(name, x); }
};

}  // namespace

void Module::save(const std::string& path) const {
  Everything mine;
  const_cast<Module&>(*this).fields(mine);
  save_safetensors(path, mine.all);
}

void Module::load(const std::string& path) {
  Everything mine;
  fields(mine);
  std::map<std::string, Tensor> values;
  for (const auto& [name, x] : load_safetensors(path)) values[name] = x;

  for (const auto& [name, x] : mine.all) {
    const auto found = values.find(name);
    check<IoError>(found != values.end(), "load: {} holds no '{}', which {} needs ({} {})", path,
                   name, describe(), x.dtype(), x.shape());
    check<ShapeError>(found->second.shape() == x.shape(),
                      "load: '{}' is {} in {}, but {} in this module", name, found->second.shape(),
                      path, x.shape());
    found->second = found->second.cast(x.dtype());
  }
  if (values.size() != mine.all.size()) {
    for (const auto& [name, x] : mine.all) values.erase(name);
    check<IoError>(values.empty(), "load: {} holds '{}', which {} does not have", path,
                   values.begin()->first, describe());
    fail<ValueError>("load: {} uses one name for two fields", describe());
  }
  Assign assign(values);
  fields(assign);
}

}  // namespace attune::nn
