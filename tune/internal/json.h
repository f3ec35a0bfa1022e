#pragma once
// JSON as Python's json module writes and reads it, which is what Optuna's storage holds: NaN and
// Infinity are numbers, integers may be longer than 64 bits, and half a surrogate pair is a
// character. General JSON libraries refuse the three, and write other bytes.

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "attune/tune/value.h"

namespace attune::tune::json {

struct Value;
struct Member;
using List = std::vector<Value>;
using Object = std::vector<Member>;  // in the order written

struct Value {
  std::variant<ParamValue, List, Object> it;

  const ParamValue& scalar()
      const;  // ValueError when it is a list or an object; so on for the others
  const List& list() const;
  const Object& object() const;
  const Value* find(std::string_view key) const;  // null: not an object, or no such key
};

struct Member {
  std::string key;
  Value value;
};

// Throws ValueError with the byte where reading stopped. Integers beyond 64 bits become doubles;
// half a surrogate pair becomes its three bytes, as if it were a character.
Value parse(std::string_view text);

std::string number(double value);          // 0.1, 1e-05, 1e+16, 2.0, NaN, -Infinity
std::string quote(std::string_view utf8);  // ASCII only; bytes that are no UTF-8 become U+FFFD
std::string text(const ParamValue& value);
std::string text(const Params& params);  // {"lr": 0.1, "act": "relu"}

}  // namespace attune::tune::json
