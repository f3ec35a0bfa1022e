#pragma once
// What Trial::checkpointable() takes: anything that can be copied. What can also be saved outlives
// its process where the study is kept in a file; a type of one's own by two members,
//   void save(const std::string& path) const;
//   void load(const std::string& path);
// as modules and optimizers have them.

#include <algorithm>
#include <any>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "attune/base/rng.h"

namespace attune::tune {

namespace keeping {

// Files of plain bytes. IoError, with the path; read: also for another number of bytes, unless any
// will do.
void write_bytes(const std::string& path, std::span<const std::byte> bytes);
std::vector<std::byte> read_bytes(const std::string& path);
[[noreturn]] void wrong_size(const std::string& path, size_t found, size_t wanted);

template <typename T>
concept Saves = requires(const T& from, T& to, const std::string& path) {
  from.save(path);
  to.load(path);
};

// A module's file has its weights; where its random numbers stand is kept beside it.
template <typename T>
concept HasStreams = requires(T& t) {
  t.checkpoint().streams.size();
};

template <typename T>
inline constexpr bool is_plain =
    std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_same_v<T, Rng>;
template <typename T, size_t n>
inline constexpr bool is_plain<std::array<T, n>> = is_plain<T>;

template <typename T>
inline constexpr bool is_shared = false;
template <typename T>
inline constexpr bool is_shared<std::shared_ptr<T>> = true;

template <typename T>
inline constexpr bool is_row = false;  // of plain values, one after the other in memory
template <typename T>
inline constexpr bool is_row<std::vector<T>> = is_plain<T> && !std::is_same_v<T, bool>;
template <>
inline constexpr bool is_row<std::string> = true;

template <typename T>
inline constexpr bool is_savable = Saves<T> || is_plain<T> || is_row<T>;
template <typename... T>
inline constexpr bool is_savable<std::tuple<T...>> = (is_savable<T> && ...);
template <typename A, typename B>
inline constexpr bool is_savable<std::pair<A, B>> = is_savable<A>&& is_savable<B>;

template <typename T>
void save_state(const T& state, const std::string& path) {
  if constexpr (Saves<T>) {
    state.save(path);
    if constexpr (HasStreams<const T>) save_state(state.checkpoint().streams, path + ".streams");
  } else if constexpr (is_plain<T>) {
    write_bytes(path, std::as_bytes(std::span(&state, 1)));
  } else if constexpr (is_row<T>) {
    write_bytes(path, std::as_bytes(std::span(state.data(), state.size())));
  } else {
    size_t part = 0;
    std::apply(
        [&](const auto&... each) { (save_state(each, path + '.' + std::to_string(part++)), ...); },
        state);
  }
}

// It has settings of its own to keep when it takes over the state of another: a fork's optimizer.
template <typename T>
concept GoesOn = requires(T& to, const T& from) {
  to.go_on_from(from);
};

template <typename T>
T blank() {
  if constexpr (std::is_same_v<T, Rng>) {
    return Rng(0);
  } else {
    return T{};
  }
}

template <typename T>
void load_state(T& state, const std::string& path) {
  if constexpr (Saves<T>) {
    state.load(path);
    if constexpr (HasStreams<T>) {
      auto whole = state.checkpoint();
      load_state(whole.streams, path + ".streams");
      state.restore(whole);
    }
  } else if constexpr (is_plain<T> || is_row<T>) {
    const std::vector<std::byte> bytes = read_bytes(path);
    if constexpr (is_row<T>) {
      using Each = typename T::value_type;
      if (bytes.size() % sizeof(Each) != 0) wrong_size(path, bytes.size(), sizeof(Each));
      state.assign(bytes.size() / sizeof(Each), blank<Each>());
      std::copy(bytes.begin(), bytes.end(), std::as_writable_bytes(std::span(state)).begin());
    } else {
      if (bytes.size() != sizeof(T)) wrong_size(path, bytes.size(), sizeof(T));
      std::copy(bytes.begin(), bytes.end(), std::as_writable_bytes(std::span(&state, 1)).begin());
    }
  } else {
    size_t part = 0;
    std::apply([&](auto&... each) { (load_state(each, path + '.' + std::to_string(part++)), ...); },
               state);
  }
}

template <typename T>
void take(T& state, const T& kept, bool forked) {
  if constexpr (GoesOn<T>) {
    if (forked) return state.go_on_from(kept);
  }
  state = kept;
}

// A user's state, and what can be done with it.
struct StateRef {
  void* state = nullptr;
  std::any (*copy)(const void*) = nullptr;
  // `forked`: it is another's, of which the settings are left out. False: it is of another type.
  bool (*restore)(void*, const std::any&, bool forked) = nullptr;
  void (*save)(const void*, const std::string& path) = nullptr;  // null: it cannot be saved
  void (*load)(void*, const std::string& path, bool forked) = nullptr;

  template <typename T>
  static StateRef of(T& state) {
    static_assert(std::is_copy_constructible_v<T> && std::is_copy_assignable_v<T>,
                  "checkpointable: the state must be copyable");
    StateRef ref;
    ref.state = &state;
    ref.copy = [](const void* from) { return std::any(*static_cast<const T*>(from)); };
    ref.restore = [](void* to, const std::any& kept, bool forked) {
      const T* value = std::any_cast<T>(&kept);
      if (value) take(*static_cast<T*>(to), *value, forked);
      return value != nullptr;
    };
    if constexpr (is_savable<T>) {
      ref.save = [](const void* from, const std::string& path) {
        save_state(*static_cast<const T*>(from), path);
      };
      ref.load = [](void* to, const std::string& path, bool forked) {
        T value = *static_cast<T*>(to);
        load_state(value, path);
        take(*static_cast<T*>(to), value, forked);
      };
    }
    return ref;
  }
};

}  // namespace keeping
}  // namespace attune::tune
