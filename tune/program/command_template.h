#pragma once
// A command with places for values: python train.py --lr {lr} --out {dir}/model.bin

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attune::tune {

class CommandTemplate {
 public:
  // The words of a command line, and the names that stand for something. {name} is a place; braces
  // around anything else stay as they are (awk '{print}', '{"a": 1}'). ValueError: no words, or a
  // {name} that is unknown and meant to be known: it is an option's value (--lr {lr}, lr={lr}) or
  // is spelled much like a name. {{name}} is written {name}.
  CommandTemplate(std::vector<std::string> words, std::vector<std::string> names);

  using Values = std::vector<std::pair<std::string, std::string>>;
  // The words with values in their places. A word that has a place without a value, as that of an
  // inactive parameter, is left out, and the option (--slope) before it too.
  std::vector<std::string> filled(const Values& values) const;

  const std::vector<std::string>& words() const { return words_; }

 private:
  struct Place {
    size_t begin = 0, length = 0;  // in the word, with the braces
    std::string name;              // empty: a doubled brace, to be written once
  };
  std::vector<Place> places_in(size_t word) const;
  bool meant(size_t word, size_t begin, size_t length, std::string_view name) const;
  bool known(std::string_view name) const;

  std::vector<std::string> words_, names_;
  std::vector<std::vector<Place>> places_;  // by word
};

}  // namespace attune::tune
