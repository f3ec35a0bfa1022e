#pragma once
// A JSON document as a value: what the command prints and what `fit` keeps of itself. It hides JSON
// for Modern C++, whose header costs seconds in each file: document.cpp alone includes it here.
// What Python writes (NaN, long integers) is read by json.h instead.

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attune::tune {

class Document {
 public:
  using Member = std::pair<std::string, Document>;

  Document();  // null
  Document(bool value);
  Document(int value);
  Document(int64_t value);
  Document(uint64_t value);
  Document(double value);  // printed as null if it is NaN or infinite
  Document(const char* text);
  Document(const std::string& text);
  Document(std::string_view text);
  Document(const std::vector<std::string>& list);
  Document(const std::vector<double>& list);
  Document(const std::vector<int64_t>& list);
  Document(std::initializer_list<Member> members);  // an object, in this order
  Document(const Document& other);
  Document(Document&& other) noexcept;
  Document& operator=(Document other) noexcept;
  ~Document();

  static Document array(std::initializer_list<Document> items = {});
  static Document object();
  static Document parse(std::string_view text);  // throws ValueError

  void set(const std::string& key, const Document& value);  // of an object
  void push_back(const Document& item);                     // to an array

  // All of these throw ValueError if there is no such thing or it is of another type.
  bool has(const std::string& key) const;
  Document at(const std::string& key) const;
  std::vector<Document> items() const;
  template <class T>  // std::string, double, int64_t, uint64_t, std::vector<std::string>
  T as() const;

  // One line of JSON. ValueError if a text is not UTF-8.
  std::string dump() const;
  // The same, with U+FFFD in place of what is not UTF-8.
  std::string dump_any() const;

 private:
  struct Json;  // nlohmann::ordered_json
  explicit Document(std::unique_ptr<Json> json);
  template <class T>
  static std::unique_ptr<Json> made_of(T&& value);

  std::unique_ptr<Json> json_;
};

}  // namespace attune::tune
