#include "attune/tune/internal/document.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"

namespace attune::tune {

using OrderedJson = nlohmann::ordered_json;

struct Document::Json {
  OrderedJson it;
};

template <class T>
std::unique_ptr<Document::Json> Document::made_of(T&& value) {
  return std::make_unique<Json>(Json{OrderedJson(std::forward<T>(value))});
}

namespace {

// Copies and texts of a document are made recursively.
constexpr int kMaxDepth = 200;

bool too_deep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '[' || c == '{') && ++depth > kMaxDepth) {
      return true;
    } else if (!quoted && (c == ']' || c == '}')) {
      --depth;
    }
  }
  return false;
}

// What was found instead of what was expected.
std::string shown(const OrderedJson& json) {
  if (json.is_object()) return "an object";
  if (json.is_array()) return "a list";
  if (json.is_string()) return '"' + printable(json.get_ref<const std::string&>(), 40) + '"';
  return printable(json.dump(), 40);
}

[[noreturn]] void expected(const char* what, const OrderedJson& found) {
  throw ValueError(fmt::format("json: {} expected, not {}", what, shown(found)));
}

void convert(const OrderedJson& json, std::string& text) {
  if (!json.is_string()) expected("a text", json);
  text = json.get<std::string>();
}

void convert(const OrderedJson& json, double& number) {
  if (!json.is_number()) expected("a number", json);
  number = json.get<double>();
}

template <class T>
void convert_integer(const OrderedJson& json, T& number) {
  const bool fits = json.is_number_unsigned()  ? std::in_range<T>(json.get<uint64_t>())
                    : json.is_number_integer() ? std::in_range<T>(json.get<int64_t>())
                                               : false;
  if (!fits) expected("a whole number in its range", json);
  number = json.get<T>();
}
void convert(const OrderedJson& json, int64_t& number) { convert_integer(json, number); }
void convert(const OrderedJson& json, uint64_t& number) { convert_integer(json, number); }

void convert(const OrderedJson& json, std::vector<std::string>& list) {
  if (!json.is_array()) expected("a list of texts", json);
  for (const OrderedJson& one : json) convert(one, list.emplace_back());
}

}  // namespace

Document::Document() : json_(made_of(nullptr)) {}
Document::Document(bool value) : json_(made_of(value)) {}
Document::Document(int value) : json_(made_of(value)) {}
Document::Document(int64_t value) : json_(made_of(value)) {}
Document::Document(uint64_t value) : json_(made_of(value)) {}
Document::Document(double value) : json_(made_of(value)) {}
Document::Document(const char* text) : json_(made_of(text)) {}
Document::Document(const std::string& text) : json_(made_of(text)) {}
Document::Document(std::string_view text) : json_(made_of(text)) {}
Document::Document(const std::vector<std::string>& list) : json_(made_of(list)) {}
Document::Document(const std::vector<double>& list) : json_(made_of(list)) {}
Document::Document(const std::vector<int64_t>& list) : json_(made_of(list)) {}
Document::Document(std::unique_ptr<Json> json) : json_(std::move(json)) {}
Document::Document(const Document& other) : json_(std::make_unique<Json>(*other.json_)) {}
Document::Document(Document&& other) noexcept = default;
Document& Document::operator=(Document other) noexcept {
  json_ = std::move(other.json_);
  return *this;
}
Document::~Document() = default;

Document::Document(std::initializer_list<Member> members) : json_(made_of(OrderedJson::object())) {
  for (const auto& [key, value] : members) json_->it[key] = value.json_->it;
}

Document Document::object() { return Document(made_of(OrderedJson::object())); }

Document Document::array(std::initializer_list<Document> items) {
  Document list(made_of(OrderedJson::array()));
  for (const Document& item : items) list.push_back(item);
  return list;
}

Document Document::parse(std::string_view text) {
  if (too_deep(text)) throw ValueError("json: nested too deeply");
  try {
    return Document(made_of(OrderedJson::parse(text)));
  } catch (const OrderedJson::parse_error& e) {  // its words are the library's own
    const size_t at = std::min(e.byte > 0 ? e.byte - 1 : 0, text.size());
    throw ValueError(fmt::format("json: cannot be read at byte {} of {}{}", at, text.size(),
                                 at < text.size() ? ", at " + in_quotes(text.substr(at), 20) : ""));
  } catch (const OrderedJson::exception&) {
    throw ValueError("json: a number is too large");
  }
}

void Document::set(const std::string& key, const Document& value) {
  if (!json_->it.is_object()) expected("an object", json_->it);
  json_->it[key] = value.json_->it;
}

void Document::push_back(const Document& item) {
  if (!json_->it.is_array()) expected("a list", json_->it);
  json_->it.push_back(item.json_->it);
}

bool Document::has(const std::string& key) const { return json_->it.contains(key); }

Document Document::at(const std::string& key) const {
  if (!json_->it.is_object()) expected("an object", json_->it);
  const auto found = json_->it.find(key);
  if (found == json_->it.end())
    throw ValueError(fmt::format("json: {} is missing", in_quotes(key)));
  return Document(made_of(*found));
}

std::vector<Document> Document::items() const {
  if (!json_->it.is_array()) expected("a list", json_->it);
  std::vector<Document> all;
  for (const OrderedJson& item : json_->it) all.push_back(Document(made_of(item)));
  return all;
}

template <class T>
T Document::as() const {
  T value{};
  convert(json_->it, value);
  return value;
}
template std::string Document::as<std::string>() const;
template double Document::as<double>() const;
template int64_t Document::as<int64_t>() const;
template uint64_t Document::as<uint64_t>() const;
template std::vector<std::string> Document::as<std::vector<std::string>>() const;

std::string Document::dump() const {
  try {
    return json_->it.dump();
  } catch (const OrderedJson::exception&) {
    throw ValueError("json: a text is not UTF-8");
  }
}

std::string Document::dump_any() const {
  return json_->it.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace attune::tune
