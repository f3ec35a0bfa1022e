#pragma once
// What `attune serve` is told. The server is a program of its own, attune-serve, so that the
// libraries it takes cost every other subcommand nothing; both programs read the same arguments.

#include <string>
#include <vector>

#include "cli/command.h"

namespace attune::cli {

struct Serve : Common {
  std::string target;  // STUDY or STORAGE
  std::string host = "127.0.0.1";
  int port = -1;  // -1: 7421, or any that is free

  void declare(Options options);

  // The storage's URL, whether it was given as STORAGE, by --storage or not at all.
  std::string url() const;
  // The study to show; empty: the list of all.
  std::string study_name() const;
  // The arguments that say the same to attune-serve.
  std::vector<std::string> arguments() const;
};

inline constexpr int kServePort = 7421;

}  // namespace attune::cli
