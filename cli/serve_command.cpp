// attune serve: hands over to attune-serve, which stands beside this program.

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "attune/base/internal/text.h"
#include "cli/output_file.h"
#include "cli/serve_settings.h"

namespace attune::cli {
namespace {

int run_serve(const Serve& o) {
  // Slips are told here, where the server's libraries are not needed for it.
  Common common = o;
  common.storage = o.url();
  if (o.study_name().empty()) {
    open_for_reading(common);
  } else {
    open_study(common, o.study_name());
  }
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string program = (self.parent_path() / "attune-serve").string();
  std::vector<std::string> words = o.arguments();
  words.insert(words.begin(), program);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  if (!error && std::filesystem::exists(program, error)) execv(program.c_str(), argv.data());
  if (errno != ENOENT && !error && std::filesystem::exists(program, error)) {
    throw WorkFailed(
        fmt::format("serve: cannot start {}: {}", shown_path(program), std::strerror(errno)));
  }
  throw WorkFailed(
      "serve: there is no attune-serve beside this program; script/setup page, then script/build "
      "PRESET all make it, and it needs cpp-httplib, libcpp-httplib-dev on Debian. "
      "`attune report STUDY -o report.html` writes the same page to a file");
}

}  // namespace

void add_serve(CommandLine& commands) {
  commands.add("serve", "The report as a live page, for browsers", run_serve);
}

}  // namespace attune::cli
