#pragma once
// Manual pages and completion, made from the same texts as --help.

#include <string>
#include <vector>

#include "cli/arguments.h"

namespace attune::cli {

// Manual pages in the language of man(7): of the whole command, and of one subcommand.
std::string overview_page(const std::vector<SubcommandText>& texts);
std::string manual_page(const SubcommandText& text);

// What bash, zsh and fish read: subcommands, their options and the values of those that take one of
// a few; elsewhere files.
std::string bash_completion(const std::vector<SubcommandText>& texts);
std::string zsh_completion(const std::vector<SubcommandText>& texts);
std::string fish_completion(const std::vector<SubcommandText>& texts);

}  // namespace attune::cli
