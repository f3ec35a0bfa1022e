#pragma once
// Fields: the list of what a module is made of. A module writes it once, in fields(); parameters,
// names, saving, copying, casting and training modes follow from it.
//
//   void fields(nn::Fields& f) override {
//     f("embedding", embedding)("blocks", blocks)("head", head).buffer("mean", mean);
//   }
//
// What it takes: a Tensor (a parameter), a module, a Layer, and a std::optional, std::unique_ptr,
// std::vector or std::array of these, nested as you like. Names are PyTorch's: the weight of the
// first module in `blocks` is "blocks.0.weight". What is undefined or empty is skipped.
//
// Fields that hold the same tensor are one parameter (tied weights): after
// `decoder.weight = embedding.weight`, parameters() lists it once, an optimizer moves it once, and
// both fields hold the result. The same applies to a layer copied within one module: construct each
// layer from the Rng if they are to learn different things. A buffer is never tied.

#include <cstddef>
#include <string_view>
#include <type_traits>

#include "attune/base/rng.h"
#include "attune/tensor/tensor.h"

namespace attune::nn {

class ModuleBase;

namespace internal {

template <class T>
concept List =
    !std::is_base_of_v<ModuleBase, T> && !std::is_same_v<T, Tensor> && requires(T & list) {
  list.begin() != list.end();
  list.size();
};

// An owner of one value or none. A std::shared_ptr is refused: copies of the module would share it.
template <class T>
concept Holder = std::is_class_v<T> && !std::is_base_of_v<ModuleBase, T> &&
                 !std::is_same_v<T, Tensor> && requires(T & holder) {
  static_cast<bool>(holder);
  *holder;
}
&&!requires(T & holder) { holder.use_count(); };

}  // namespace internal

// Visits the fields in the order in which fields() lists them. Names are passed along in parts, so
// that a visit costs a few calls; a visitor that needs whole names joins them.
class Fields {
 public:
  virtual ~Fields() = default;

  Fields& operator()(std::string_view name, Tensor& parameter) {
    if (parameter.defined()) frozen_ ? on_buffer(name, parameter) : on_parameter(name, parameter);
    return *this;
  }
  Fields& operator()(std::string_view name, ModuleBase& child) {
    on_child(name, child);
    return *this;
  }
  template <internal::List T>
  Fields& operator()(std::string_view name, T& list) {
    enter(name);
    size_t i = 0;
    for (auto& element : list) (*this)(Digits(i++).text(), element);
    leave(name);
    return *this;
  }
  template <internal::Holder T>
  Fields& operator()(std::string_view name, T& holder) {
    if (static_cast<bool>(holder)) (*this)(name, *holder);
    return *this;
  }

  Fields& buffer(std::string_view name, Tensor& buffer) {  // saved, not trained
    if (buffer.defined()) on_buffer(name, buffer);
    return *this;
  }
  Fields& stream(std::string_view name, Rng& rng) {  // random numbers that forward() draws
    on_stream(name, rng);
    return *this;
  }
  // Like operator(), but the parameters below are not trained: they are visited as buffers.
  template <class T>
  Fields& frozen(std::string_view name, T& field) {
    const bool outer = frozen_;
    frozen_ = true;
    (*this)(name, field);
    frozen_ = outer;
    return *this;
  }

 protected:
  virtual void on_parameter(std::string_view, Tensor&) {}
  virtual void on_buffer(std::string_view, Tensor&) {}
  virtual void on_stream(std::string_view, Rng&) {}
  virtual void on_child(std::string_view name, ModuleBase& child);  // visits the child's fields
  // The names of all that is visited between these two begin with `name` and a dot.
  virtual void enter(std::string_view name) { static_cast<void>(name); }
  virtual void leave(std::string_view name) { static_cast<void>(name); }

 private:
  class Digits {
   public:
    explicit Digits(size_t number) {
      do {
        *--begin_ = static_cast<char>('0' + number % 10);
        number /= 10;
      } while (number > 0);
    }
    std::string_view text() const {
      return {begin_, static_cast<size_t>(digits_ + sizeof digits_ - begin_)};
    }

   private:
    char digits_[20];
    char* begin_ = digits_ + sizeof digits_;
  };

  bool frozen_ = false;
};

}  // namespace attune::nn
