#include "cli/arguments.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/base/internal/text.h"
#include "cli/command.h"
#include "cli/terminal.h"

namespace attune::cli {

namespace {

template <class T>
T parsed(const std::string& name, const std::string& text, T low, T high) {
  const size_t sign = text.starts_with('+') ? 1 : 0;
  const char *begin = text.data() + sign, *end = text.data() + text.size();
  const bool negative = begin != end && *begin == '-';
  T value = 0;
  const auto [stop, error] = std::from_chars(begin, end, value);
  const bool digits = begin != end && std::all_of(begin + (negative ? 1 : 0), end,
                                                  [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || begin + (negative ? 1 : 0) == end) {
    throw WrongInput(fmt::format("{}: a whole number is needed, not {}", name, in_quotes(text)));
  }
  if (error != std::errc() || stop != end || value < low || value > high) {
    if (negative && low >= 0) {
      throw WrongInput(fmt::format("{} must not be negative, got {}", name, printable(text)));
    }
    throw WrongInput(
        fmt::format("{} must be from {} to {}, got {}", name, low, high, printable(text)));
  }
  return value;
}

// CLI11 would clamp what is too large in silence and take an empty text for 0.
void add_number(CLI::App& app, const char* name, const std::string& help,
                std::function<void(const std::string&)> take) {
  app.add_option_function<std::string>(name, std::move(take), help)->type_name("NUMBER");
}

// An empty text is refused: it most likely comes from a shell variable that is not set.
CLI::Option* add_text(CLI::App& app, const char* name, std::string& value,
                      const std::string& help) {
  const auto take = [&value, name](const std::string& text) {
    if (text.empty()) {
      throw WrongInput(fmt::format("{} is empty; leave it out, or give it a value", name));
    }
    value = text;
  };
  return app.add_option_function<std::string>(name, take, help);
}

// The first word that looks like an option but is none of this subcommand's; "": there is none.
std::string unknown_option(const CLI::App& subcommand) {
  for (const std::string& word : subcommand.remaining()) {
    if (word.size() > 1 && word[0] == '-') return word;
  }
  return {};
}

std::string given_twice(const CLI::App& subcommand) {
  for (const CLI::Option* option : subcommand.get_options()) {
    if (option->get_items_expected_max() == 1 && option->count() > 1) return option->get_name();
  }
  return {};
}

}  // namespace

int64_t whole_number(const std::string& name, const std::string& text, int64_t low, int64_t high) {
  return parsed<int64_t>(name, text, low, high);
}

void Options::required(const char* name, std::string& value, const std::string& help) {
  add_text(*subcommand_, name, value, help)->required();
}

void Options::text(const char* name, std::string& value, const std::string& help,
                   const std::string& known) {
  const CLI::Option* option = add_text(*subcommand_, name, value, help);
  if (known.empty()) return;
  std::vector<std::string>& choices = extras_->choices[option];
  for (size_t begin = 0; begin < known.size();) {
    const size_t end = std::min(known.find(", ", begin), known.size());
    choices.push_back(known.substr(begin, end - begin));
    begin = end + 2;
  }
}

void Options::one_of(const char* name, std::string& value, const std::string& help,
                     const std::vector<std::string>& allowed) {
  const auto take = [&value, name, allowed](const std::string& text) {
    if (std::find(allowed.begin(), allowed.end(), text) == allowed.end()) {
      throw WrongInput(
          fmt::format("{}: {} is none of {}", name, in_quotes(text), fmt::join(allowed, ", ")));
    }
    value = text;
  };
  extras_->choices[subcommand_->add_option_function<std::string>(name, take, help)] = allowed;
}

void Options::list(const char* name, std::vector<std::string>& values, const std::string& help) {
  subcommand_->add_option(name, values, help)->delimiter(',');
}

void Options::repeated(const char* name, std::vector<std::string>& values,
                       const std::string& help) {
  CLI::Option* option = subcommand_->add_option(name, values, help);
  if (name[0] == '-') option->allow_extra_args(false);
}

void Options::tail(std::vector<std::string>& words) { extras_->tails[subcommand_] = &words; }

void Options::number(const char* name, int64_t& value, const std::string& help) {
  add_number(*subcommand_, name, help, [&value, name](const std::string& text) {
    value = parsed<int64_t>(name, text, 0, std::numeric_limits<int64_t>::max());
  });
}

void Options::number(const char* name, int& value, const std::string& help, int low, int high) {
  add_number(*subcommand_, name, help, [&value, name, low, high](const std::string& text) {
    value = static_cast<int>(parsed<int64_t>(name, text, low, high));
  });
}

void Options::natural(const char* name, std::optional<uint64_t>& value, const std::string& help) {
  add_number(*subcommand_, name, help, [&value, name](const std::string& text) {
    value = parsed<uint64_t>(name, text, 0, std::numeric_limits<uint64_t>::max());
  });
}

void Options::flag(const char* name, bool& value, const std::string& help) {
  subcommand_->add_flag(name, value, help);
}

void Options::footer(const std::string& text) { subcommand_->footer(text); }

CommandLine::CommandLine(const std::string& about, const std::string& version)
    : app_(std::make_unique<CLI::App>(about, "attune")) {
  app_->require_subcommand(1);
  app_->set_version_flag("--version", version);
}

CommandLine::~CommandLine() = default;

Options CommandLine::subcommand(const char* name, const char* help, Run run) {
  CLI::App* added = app_->add_subcommand(name, help);
  added->callback([this, run = std::move(run)] { chosen_ = run; });
  return {*added, extras_};
}

std::vector<SubcommandText> CommandLine::texts() const {
  std::vector<SubcommandText> texts;
  for (const CLI::App* app : app_->get_subcommands([](const CLI::App*) { return true; })) {
    SubcommandText text{app->get_name(), app->get_description(), app->get_footer(), {}, false};
    text.has_tail = extras_.tails.contains(app);
    for (const CLI::Option* option : app->get_options()) {
      OptionText& added = text.options.emplace_back();
      // CLI11 writes "-h,--help".
      const bool named = option->nonpositional();
      added.name = named ? option->get_name(false, true) : option->get_name(true);
      added.help = option->get_description();
      if (option->get_items_expected_max() > 0) added.value = option->get_type_name();
      if (const auto found = extras_.choices.find(option); found != extras_.choices.end()) {
        added.choices = found->second;
      }
      added.required = option->get_required();
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

int CommandLine::run(int argc, char** argv) {
  int ours = argc;  // of the words; the others are a subcommand's tail
  for (const auto& [subcommand, words] : extras_.tails) {
    if (argc < 2 || subcommand->get_name() != argv[1]) continue;
    const auto is_end = [](std::string_view word) { return word == "--"; };
    ours = static_cast<int>(std::find_if(argv, argv + argc, is_end) - argv);
    for (int i = ours + 1; i < argc; ++i) words->emplace_back(argv[i]);
  }
  try {
    app_->parse(ours, argv);
  } catch (const CLI::Success& e) {  // --help, --version
    std::ostringstream out, unused;
    const int code = app_->exit(e, out, unused);
    write_answer(out.str());
    return code;
  } catch (const CLI::ParseError& e) {
    std::string what = e.what();
    if (dynamic_cast<const CLI::RequiredError*>(&e) != nullptr && app_->get_subcommands().empty()) {
      what = argc < 2 ? "a command is missing"
                      : fmt::format("unknown {} {}", argv[1][0] == '-' ? "option" : "command",
                                    in_quotes(argv[1]));
    }
    for (const CLI::App* chosen : app_->get_subcommands()) {
      if (dynamic_cast<const CLI::ArgumentMismatch*>(&e) != nullptr) {
        if (const std::string name = given_twice(*chosen); !name.empty()) {
          what = name + " is given twice";
        }
      } else if (const std::string word = unknown_option(*chosen); !word.empty()) {
        what = fmt::format("unknown option {}", in_quotes(word));
      }
    }
    const auto chosen = app_->get_subcommands();
    throw WrongInput(fmt::format("{}; see attune {}--help", what,
                                 chosen.empty() ? "" : chosen.front()->get_name() + " "));
  }
  return chosen_();
}

}  // namespace attune::cli
