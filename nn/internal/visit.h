#pragma once
// Visitors shared by the sources of nn and optim.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/nn/module.h"
#include "attune/tensor/internal/block.h"

namespace attune::nn::internal {

// Visits a module that is only looked at. fields() is not const, because load() and optimizers
// write through it.
inline void look(const ModuleBase& module, Fields& fields) {
  const_cast<ModuleBase&>(module).fields(fields);
}

// A visitor that knows where it is: dotted("weight") is "hidden.weight" inside the child "hidden".
class Named : public Fields {
 protected:
  std::string dotted(std::string_view name) const { return prefix_ + std::string(name); }

  void enter(std::string_view name) override { prefix_.append(name).push_back('.'); }
  void leave(std::string_view name) override { prefix_.resize(prefix_.size() - name.size() - 1); }

 private:
  std::string prefix_;
};

// Numbers the distinct tensors among those it is shown: fields that hold the same tensor are one
// parameter (tied weights). Of 32 tensors it allocates nothing.
class Distinct {
 public:
  Distinct() { grow(64); }
  Distinct(const Distinct&) = delete;
  Distinct& operator=(const Distinct&) = delete;

  // The number of x: its own if it was shown before, the next one otherwise.
  size_t number(const Tensor& x) {
    if (2 * blocks_.size() >= places_.size()) grow(2 * places_.size());
    uint32_t& place = find(x.block());
    if (place == kNone) {
      place = static_cast<uint32_t>(blocks_.size());
      blocks_.push_back(x.block());
    }
    return place;
  }
  size_t count() const { return blocks_.size(); }

 private:
  using Block = attune::internal::Block;
  static constexpr uint32_t kNone = ~uint32_t{0};

  uint32_t& find(const Block* block) {  // open addressing
    const size_t mask = places_.size() - 1;
    size_t i = (reinterpret_cast<uintptr_t>(block) >> 6) * 0x9E3779B97F4A7C15 >> 40 & mask;
    while (places_[i] != kNone && blocks_[places_[i]] != block) i = (i + 1) & mask;
    return places_[i];
  }
  void grow(size_t size) {
    blocks_.reserve(size / 2);
    places_.assign(size, kNone);
    for (size_t i = 0; i < blocks_.size(); ++i) find(blocks_[i]) = static_cast<uint32_t>(i);
  }

  std::array<std::byte, 576> buffer_;
  std::pmr::monotonic_buffer_resource memory_{buffer_.data(), buffer_.size()};
  std::pmr::vector<const Block*> blocks_{&memory_};
  std::pmr::vector<uint32_t> places_{&memory_};
};

// The parameters of a module, each once, in the order of parameters(), for one who writes them.
// While this object lives, a parameter is held by the first of its fields alone, so that it can be
// changed in place; the destructor hands it to the other fields again, also after an exception. The
// module must not be used in between.
//
//   Writable parameters(model);
//   for (size_t i = 0; i < parameters.size(); ++i) move(parameters[i], grads[i]);
class Writable : Fields {
 public:
  explicit Writable(ModuleBase& module) {
    first_.reserve(16);
    module.fields(*this);
    for (const auto& [field, i] : others_) *field = Tensor();
  }
  ~Writable() override {
    for (const auto& [field, i] : others_) *field = *first_[i];
  }
  Writable(const Writable&) = delete;
  Writable& operator=(const Writable&) = delete;

  size_t size() const { return first_.size(); }
  Tensor& operator[](size_t i) { return *first_[i]; }

 private:
  void on_parameter(std::string_view, Tensor& x) override {
    const size_t i = distinct_.number(x);
    if (i == first_.size()) {
      first_.push_back(&x);
    } else if (first_[i] != &x) {  // one field may be listed twice
      others_.emplace_back(&x, i);
    }
  }

  Distinct distinct_;
  std::vector<Tensor*> first_;
  std::vector<std::pair<Tensor*, size_t>> others_;
};

}  // namespace attune::nn::internal
