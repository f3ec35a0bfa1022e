#include "attune/tune/internal/isolation/packet.h"

#include <variant>

namespace attune::tune::internal {
namespace {

// Every member of a parameter, in one order for putting and taking.
template <typename P, typename F>
void each_member(P& param, F&& f) {
  f(param.name), f(param.kind), f(param.low), f(param.high), f(param.log), f(param.step);
  f(param.choices), f(param.grid), f(param.first), f(param.conditions), f(param.normal);
  f(param.weights), f(param.flaw);
}

}  // namespace

const char* Packet::next(size_t size) {
  if (bytes_.size() - at_ < size) throw Error("isolate: a message is shorter than it says");
  const char* from = bytes_.data() + at_;
  at_ += size;
  return from;
}

void Packet::put(const ParamValue& value) {
  put(value.variant().index());
  std::visit(
      [this](const auto& v) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(v)>, std::monostate>) put(v);
      },
      value.variant());
}

void Packet::take(ParamValue& value) {
  switch (take<size_t>()) {
    case 1: value = take<bool>(); break;
    case 2: value = take<int64_t>(); break;
    case 3: value = take<double>(); break;
    case 4: value = take<std::string>(); break;
    default: value = nullptr;
  }
}

void Packet::put(const Params& params) {
  put(params.size());
  for (const auto& [name, value] : params) {
    put(name);
    put(value);
  }
}

void Packet::take(Params& params) {
  params = {};
  for (auto left = take<size_t>(); left > 0; --left) {
    auto name = take<std::string>();
    params.set(name, take<ParamValue>());
  }
}

void Packet::put(const Condition& condition) {
  put(condition.parent);
  put(condition.values);
}

void Packet::take(Condition& condition) {
  take(condition.parent);
  take(condition.values);
}

void Packet::put(const Param& param) {
  each_member(param, [this](const auto& member) { put(member); });
}

void Packet::take(Param& param) {
  each_member(param, [this](auto& member) { take(member); });
}

void Packet::put(const Space& space) {
  put(space.params());
  put(space.frozen());
}

void Packet::take(Space& space) {
  std::vector<NamedParam> params;
  for (Param& param : take<std::vector<Param>>()) params.push_back({param.name, std::move(param)});
  space = Space(std::move(params));
  const auto frozen = take<Params>();
  for (const auto& [name, value] : frozen) space.freeze(name, value);
}

}  // namespace attune::tune::internal
