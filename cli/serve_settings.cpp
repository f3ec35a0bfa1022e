#include "cli/serve_settings.h"

#include <filesystem>

namespace attune::cli {
namespace {

bool is_url(const std::string& text) { return text.find("://") != std::string::npos; }
bool is_file(const std::string& text) {
  std::error_code error;
  return std::filesystem::is_regular_file(text, error);
}

}  // namespace

void Serve::declare(Options options) {
  options.text("STUDY|STORAGE", target,
               "A study's name, or a storage (a URL or a database file); without it, all studies");
  study_option(options, *this);
  storage_option(options, *this);
  options.text("--host", host,
               "The address to listen at (default: 127.0.0.1, which only this machine reaches)");
  options.number("--port", port, "The port (default: 7421, or any that is free); 0: any", 0, 65535);
  json_option(options, *this);
  quiet_option(options, *this);
  options.footer(
      "The address that is printed has a token in it, without which there is no answer.\n"
      "ATTUNE_SERVE_TOKEN in the environment sets it; else it is a new one each time.");
}

std::string Serve::url() const {
  Common common = *this;
  if (is_url(target)) {
    common.storage = target;
  } else if (is_file(target)) {
    common.storage = "sqlite:///" + target;
  }
  return common.storage_or(kDefaultStorage);
}

std::string Serve::study_name() const {
  if (target.empty() || is_url(target) || is_file(target)) return study;
  return target;
}

std::vector<std::string> Serve::arguments() const {
  std::vector<std::string> words = {"serve", "--storage=" + url(), "--host=" + host};
  if (const std::string name = study_name(); !name.empty()) words.push_back("--study=" + name);
  if (port >= 0) words.push_back("--port=" + std::to_string(port));
  if (json) words.emplace_back("--json");
  if (quiet) words.emplace_back("--quiet");
  return words;
}

}  // namespace attune::cli
