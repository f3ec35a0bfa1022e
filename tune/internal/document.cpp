#include "attune/tune/internal/document.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "attune/tensor/error.h"

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

// Runs read() and turns the JSON library's exceptions into attune's.
template <class F>
auto checked(F&& read) {
  try {
    return read();
  } catch (const OrderedJson::exception& e) {
    throw ValueError(fmt::format("json: {}", e.what()));
  }
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
  return checked([&] { return Document(made_of(OrderedJson::parse(text))); });
}

void Document::set(const std::string& key, const Document& value) {
  checked([&] { json_->it[key] = value.json_->it; });
}

void Document::push_back(const Document& item) {
  checked([&] { json_->it.push_back(item.json_->it); });
}

bool Document::has(const std::string& key) const { return json_->it.contains(key); }

Document Document::at(const std::string& key) const {
  return checked([&] { return Document(made_of(json_->it.at(key))); });
}

std::vector<Document> Document::items() const {
  std::vector<Document> all;
  for (const OrderedJson& item : json_->it) all.push_back(Document(made_of(item)));
  return all;
}

template <class T>
T Document::as() const {
  return checked([&] { return json_->it.get<T>(); });
}
template std::string Document::as<std::string>() const;
template double Document::as<double>() const;
template int64_t Document::as<int64_t>() const;
template uint64_t Document::as<uint64_t>() const;
template std::vector<std::string> Document::as<std::vector<std::string>>() const;

std::string Document::dump() const {
  return checked([&] { return json_->it.dump(); });
}

std::string Document::dump_any() const {
  return json_->it.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace attune::tune
