#pragma once
// What a process and its fork say to each other: values in the order in which they were put, as
// they lie in memory, for both are the same program.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "attune/base/error.h"
#include "attune/tune/space.h"

namespace attune::tune::internal {

class Packet {
 public:
  Packet() = default;
  explicit Packet(std::string bytes) : bytes_(std::move(bytes)) {}
  template <typename... T>
  static Packet of(const T&... values) {
    Packet packet;
    (packet.put(values), ...);
    return packet;
  }

  const std::string& bytes() const { return bytes_; }

  template <typename T>
  requires std::is_trivially_copyable_v<T>
  void put(const T& value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value)); }
  void put(const std::string& text) {
    put(text.size());
    bytes_ += text;
  }
  template <typename T>
  void put(const std::vector<T>& values) {
    put(values.size());
    for (const T& value : values) put(value);
  }
  void put(const ParamValue& value);
  void put(const Params& params);
  void put(const Condition& condition);
  void put(const Param& param);
  void put(const Space& space);  // without what forbid() was given

  // Takes what was put next. Error: the packet ends before.
  template <typename T>
  T take() {
    T value{};
    take(value);
    return value;
  }
  template <typename T>
  requires std::is_trivially_copyable_v<T>
  void take(T& value) {
    std::memcpy(static_cast<void*>(&value), next(sizeof(value)), sizeof(value));
  }
  void take(std::string& text) {
    const auto size = take<size_t>();
    text.assign(next(size), size);
  }
  template <typename T>
  void take(std::vector<T>& values) {
    values.clear();
    for (auto left = take<size_t>(); left > 0; --left) values.push_back(take<T>());
  }
  void take(ParamValue& value);
  void take(Params& params);
  void take(Condition& condition);
  void take(Param& param);
  void take(Space& space);

 private:
  const char* next(size_t size);

  std::string bytes_;
  size_t at_ = 0;
};

}  // namespace attune::tune::internal
