#pragma once
// JSON as Python's json module writes and reads it, which is what Optuna's storage holds: NaN and
// Infinity are numbers, integers may be longer than 64 bits, and half a surrogate pair is a
// character. General JSON libraries refuse the three, and write other bytes.

#include <optional>
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

  // Each throws ValueError when the value is of another kind.
  const ParamValue& scalar() const;
  const List& list() const;
  const Object& object() const;
  const Value* find(std::string_view key) const;  // null: not an object, or no such key
};

struct Member {
  std::string key;
  Value value;
};

// How numbers may be written: as in Python, or also as other languages print them: inf, -nan, +1,
// 2. and .5
enum class Numbers { python, lenient };

// Throws ValueError with the byte where reading stopped. Integers beyond 64 bits become doubles;
// half a surrogate pair becomes its three bytes, as if it were a character.
Value parse(std::string_view text, Numbers numbers = Numbers::python);

// The number that the text is, leniently; nothing if it is none.
std::optional<double> number_in(std::string_view text);

std::string number(double value);          // 0.1, 1e-05, 1e+16, 2.0, NaN, -Infinity
std::string quote(std::string_view utf8);  // ASCII only; bytes that are no UTF-8 become U+FFFD
std::string text(const ParamValue& value);
std::string text(const Params& params);  // {"lr": 0.1, "act": "relu"}
std::string text(const Value& value);

// The value, or the only element of a list: R, for one, writes a number as a list of one. Null when
// it is another list or an object.
const ParamValue* single(const Value& value);

// What any JSON reader takes: "NaN", "Infinity" and "-Infinity" are texts.
std::string strict(double value);
std::string strict(const Params& params);

// For messages: as JSON, so that a text shows its quotes, but shortened and escaped.
std::string shown(const ParamValue& value);
std::string shown(const Value& value);

}  // namespace attune::tune::json
