#include "cli/space_argument.h"

#include <fstream>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/by_name.h"
#include "attune/tune/internal/json.h"
#include "cli/command.h"

namespace attune::cli {

constexpr size_t kLargestSpace = size_t{1} << 24;  // bytes

std::string read_space(const std::string& given) {
  if (given.find('{') != std::string::npos) return given;
  std::ifstream file(given, std::ios::binary);
  std::string text(kLargestSpace + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file && !file.eof()) {
    throw WrongInput(fmt::format("--space: neither JSON nor a file: {}", in_quotes(given)));
  }
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kLargestSpace) {  // a device, or another file by mistake
    throw WrongInput(
        fmt::format("--space: {} is larger than {} bytes", shown_path(given), kLargestSpace));
  }
  return text;
}

std::vector<tune::Direction> directions_of(const std::string& direction,
                                           const std::vector<std::string>& directions) {
  if (!direction.empty() && !directions.empty()) {
    throw WrongInput("give either --direction or --directions, not both");
  }
  std::vector<tune::Direction> all;
  for (const std::string& name : directions) all.push_back(tune::direction_by_name(name));
  if (all.empty() && !direction.empty()) all.push_back(tune::direction_by_name(direction));
  return all;
}

tune::Params params_of(const std::vector<std::string>& words) {
  tune::Params params;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw WrongInput(
          fmt::format("NAME=VALUE is needed, such as lr=0.01, not {}", in_quotes(word)));
    }
    const std::string text = word.substr(equals + 1);
    tune::ParamValue value = text;
    try {
      value = tune::json::parse(text).scalar();
    } catch (const ValueError&) {  // a text without quotes
    }
    params.set(word.substr(0, equals), value);
  }
  return params;
}

}  // namespace attune::cli
