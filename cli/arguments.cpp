#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"

namespace attune::cli {

void Options::required(const char* name, std::string& value, const std::string& help) {
  subcommand_->add_option(name, value, help)->required();
}

void Options::text(const char* name, std::string& value, const std::string& help) {
  subcommand_->add_option(name, value, help);
}

void Options::one_of(const char* name, std::string& value, const std::string& help,
                     const std::vector<std::string>& allowed) {
  subcommand_->add_option(name, value, help)->check(CLI::IsMember(allowed));
}

void Options::list(const char* name, std::vector<std::string>& values, const std::string& help) {
  subcommand_->add_option(name, values, help)->delimiter(',');
}

void Options::number(const char* name, int64_t& value, const std::string& help) {
  subcommand_->add_option(name, value, help);
}

void Options::number(const char* name, int& value, const std::string& help, int low, int high) {
  subcommand_->add_option(name, value, help)->check(CLI::Range(low, high));
}

void Options::natural(const char* name, uint64_t& value, const std::string& help) {
  subcommand_->add_option(name, value, help)->check([](const std::string& text) {
    return text.starts_with('-') ? "must not be negative, got " + text : std::string();
  });
}

void Options::flag(const char* name, bool& value, const std::string& help) {
  subcommand_->add_flag(name, value, help);
}

CommandLine::CommandLine(const std::string& about, const std::string& version)
    : app_(std::make_unique<CLI::App>(about, "attune")) {
  app_->require_subcommand(1);
  app_->set_version_flag("--version", version);
}

CommandLine::~CommandLine() = default;

Options CommandLine::subcommand(const char* name, const char* help, Run run) {
  CLI::App* added = app_->add_subcommand(name, help);
  added->callback([this, run = std::move(run)] { chosen_ = run; });
  return Options(*added);
}

int CommandLine::run(int argc, char** argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::Success& e) {  // --help, --version
    return app_->exit(e);
  } catch (const CLI::ParseError& e) {
    std::string what = e.what();
    if (dynamic_cast<const CLI::RequiredError*>(&e) != nullptr && app_->get_subcommands().empty()) {
      what = argc < 2 ? "a command is missing"
                      : fmt::format("unknown {} '{}'", argv[1][0] == '-' ? "option" : "command",
                                    argv[1]);
    }
    throw WrongInput(what + "; see attune --help");
  }
  return chosen_();
}

}  // namespace attune::cli
