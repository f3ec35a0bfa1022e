#include "attune/tune/program/command_template.h"

#include <algorithm>
#include <cctype>
#include <numeric>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"

namespace attune::tune {
namespace {

bool is_name_part(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Insertions, deletions, changes and swaps of neighbours that lead from one to the other.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), row(b.size() + 1), older;
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    older = before;
    before = row;
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({before[j] + 1, row[j - 1] + 1, before[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], older[j - 2] + 1);
      }
    }
  }
  return row.back();
}

std::string lower(std::string_view text) {
  std::string all(text);
  for (char& c : all) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return all;
}

}  // namespace

CommandTemplate::CommandTemplate(std::vector<std::string> words, std::vector<std::string> names)
    : words_(std::move(words)), names_(std::move(names)) {
  if (words_.empty() || words_.front().empty()) throw ValueError("command: there is no program");
  for (size_t i = 0; i < words_.size(); ++i) places_.push_back(places_in(i));
}

bool CommandTemplate::known(std::string_view name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

// Whether an unknown {name} is likely a slip, not a program's own braces.
bool CommandTemplate::meant(size_t word, size_t begin, size_t length, std::string_view name) const {
  const std::string& text = words_[word];
  if (begin > 0 && text[begin - 1] == '=') return true;
  const bool alone = begin == 0 && text.size() == length;
  if (alone && word > 0 && words_[word - 1].starts_with("--") && words_[word - 1].size() > 2) {
    return true;
  }
  return std::any_of(names_.begin(), names_.end(), [&](const std::string& known) {
    const size_t most = std::min(known.size(), name.size()) / 3;
    return distance(lower(known), lower(name)) <= std::min<size_t>(most, 2);
  });
}

std::vector<CommandTemplate::Place> CommandTemplate::places_in(size_t word) const {
  const std::string& text = words_[word];
  std::vector<Place> places;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '{') continue;
    size_t end = std::min(text.find('}', i), text.size());  // a parameter's name may be anything
    if (!known(std::string_view(text).substr(i + 1, end - i - 1))) {
      end = i + 1;
      while (end < text.size() && is_name_part(text[end])) ++end;
    }
    if (end == i + 1 || end == text.size() || text[end] != '}') continue;
    const std::string name = text.substr(i + 1, end - i - 1);
    const bool doubled = i > 0 && text[i - 1] == '{' && end + 1 < text.size() &&
                         text[end + 1] == '}' &&
                         (places.empty() || places.back().begin + places.back().length < i);
    if (doubled && (known(name) || meant(word, i - 1, name.size() + 4, name))) {
      places.push_back({i - 1, name.size() + 4, ""});
    } else if (known(name)) {
      places.push_back({i, name.size() + 2, name});
    } else if (!doubled && meant(word, i, name.size() + 2, name)) {
      throw ValueError(fmt::format(
          "command: {{{}}} in {} is no parameter; there are {}; write {{{{{}}}}} for the braces "
          "themselves",
          printable(name), in_quotes(text), list_in_quotes(names_), printable(name)));
    }
    i = end;
  }
  return places;
}

std::vector<std::string> CommandTemplate::filled(const Values& values) const {
  std::vector<std::string> all;
  for (size_t i = 0; i < words_.size(); ++i) {
    std::string text;
    size_t at = 0;
    bool missing = false;
    for (const Place& place : places_[i]) {
      text += words_[i].substr(at, place.begin - at);
      at = place.begin + place.length;
      if (place.name.empty()) {
        text += words_[i].substr(place.begin + 1, place.length - 2);
        continue;
      }
      const auto value = std::find_if(values.begin(), values.end(),
                                      [&](const auto& v) { return v.first == place.name; });
      missing = missing || value == values.end();
      if (value != values.end()) text += value->second;
    }
    if (!missing) {
      all.push_back(text + words_[i].substr(at));
      continue;
    }
    const bool option = i > 1 && words_[i - 1].starts_with('-') && places_[i - 1].empty() &&
                        places_[i].front().begin == 0;
    if (option && !all.empty() && all.back() == words_[i - 1]) all.pop_back();
  }
  return all;
}

}  // namespace attune::tune
