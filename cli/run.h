#pragma once
// The frame of a program of attune's: parses the arguments, runs the chosen subcommand, and turns
// what it throws into one line on stderr and an exit code.

#include <span>

#include "cli/arguments.h"

namespace attune::cli {

using AddCommand = void (*)(CommandLine&);

// Returns the exit code.
int run_program(int argc, char** argv, std::span<const AddCommand> commands) noexcept;

}  // namespace attune::cli
