#pragma once
// A line of a journal: one JSON object, as Optuna's JournalStorage writes it (optuna 5.0.0), and in
// attune's lines two members at its end that Optuna does not look at:
//   "more": how many lines of the same append are still to come; left out when it is the last
//   "crc":  the CRC-32C of all bytes of the line before this member, in 8 hexadecimal digits

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace attune::tune::journal {

// What a line does. Kept in files: never renumber.
enum class Op : int64_t {
  create_study = 0,
  delete_study = 1,
  study_user_attribute = 2,
  study_system_attribute = 3,
  create_trial = 4,
  param = 5,
  state_values = 6,
  report = 7,
  user_attribute = 8,
  system_attribute = 9,
  discard_trials = 10,  // Rustuna's; Optuna does nothing on it
};

// Optuna's numbers of the states.
enum class OptunaState : int64_t { running = 0, complete = 1, pruned = 2, failed = 3, waiting = 4 };

// Adds to `lines` an object without its closing brace, and "more" and the checksum to it.
void seal(std::string& lines, std::string_view object, size_t more);

struct Line {
  std::string_view object = {};  // an attune line's without its last member and brace
  bool sealed = false;           // it has a checksum, which is right
  size_t more = 0;
};

// Nothing for a line that is broken: no object, or with another checksum. `text` has no line end.
std::optional<Line> read_line(std::string_view text);

// The members of an object, one by one, as they are written. The text has been through read_line()
// or is a value of such a line.
class Members {
 public:
  explicit Members(std::string_view object);
  // False: there are no more. Throws ValueError where the text is no JSON object.
  bool next(std::string_view& key, std::string_view& value);

 private:
  std::string_view rest_;
  bool first_ = true;
};

// Splits a list into its elements, likewise.
class Elements {
 public:
  explicit Elements(std::string_view list);
  bool next(std::string_view& value);

 private:
  std::string_view rest_;
  bool first_ = true;
};

// Values as they are written. ValueError for what is none such.
int64_t integer(std::string_view value);
double number(std::string_view value);  // NaN and Infinity too
std::string text(std::string_view value);

}  // namespace attune::tune::journal
