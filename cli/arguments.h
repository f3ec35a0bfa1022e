#pragma once
// The command's arguments, declared without CLI11: its header is expensive, and only arguments.cpp
// includes it.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace attune::cli {

// The options and arguments of one subcommand. Each is a name ("--trials", or "DATA" for an
// argument without one), where its value goes, and what --help says of it. A value that is not
// given stays as it is; a number that is none, or is out of range, is WrongInput. Whatever the
// names refer to must live until the subcommand has run.
class Options {
 public:
  struct Extras {  // what CLI11 does not know
    std::map<const CLI::App*, std::vector<std::string>*> tails;
    std::map<const CLI::Option*, std::vector<std::string>> choices;
  };
  Options(CLI::App& subcommand, Extras& extras) : subcommand_(&subcommand), extras_(&extras) {}

  void required(const char* name, std::string& value, const std::string& help);
  // `known`: values to complete to, with ", " between; others are taken as well.
  void text(const char* name, std::string& value, const std::string& help,
            const std::string& known = {});
  void one_of(const char* name, std::string& value, const std::string& help,
              const std::vector<std::string>& allowed);
  void list(const char* name, std::vector<std::string>& values, const std::string& help);  // a,b,c
  // As often as the user likes: --param a --param b; or any number of arguments without a name.
  void repeated(const char* name, std::vector<std::string>& values, const std::string& help);
  void tail(std::vector<std::string>& words);  // what follows "--", as it is
  void number(const char* name, int64_t& value, const std::string& help);  // from 0
  void number(const char* name, int& value, const std::string& help, int low, int high);
  void natural(const char* name, std::optional<uint64_t>& value, const std::string& help);
  void flag(const char* name, bool& value, const std::string& help);
  void footer(const std::string& text);  // the end of --help

 private:
  CLI::App* subcommand_;
  Extras* extras_;
};

// The whole number in the text of an option or argument; WrongInput, naming it, if it is none or
// out of range.
int64_t whole_number(const std::string& name, const std::string& text, int64_t low, int64_t high);

// What --help says of a subcommand, for manual pages and completion.
struct OptionText {
  std::string name;  // "--trials", or "DATA" for an argument
  std::string help;
  std::string value;                 // what stands for its value: "NUMBER"; empty for a flag
  std::vector<std::string> choices;  // if it takes these only
  bool required = false;
};
struct SubcommandText {
  std::string name, help, footer;
  std::vector<OptionText> options;
  bool has_tail = false;  // takes a command behind "--"
};

// The whole command line: subcommands, of which one is chosen.
class CommandLine {
 public:
  using Run = std::function<int()>;  // returns the exit code

  CommandLine(const std::string& about, const std::string& version);
  ~CommandLine();

  // A subcommand whose arguments are an Arguments: arguments.declare(Options) names them and
  // action(arguments) is called if the user chose it.
  template <class Arguments>
  void add(const char* name, const char* help, int (*action)(const Arguments&)) {
    add<Arguments>(name, help, std::function<int(const Arguments&)>(action));
  }
  template <class Arguments>
  void add(const char* name, const char* help, std::function<int(const Arguments&)> action) {
    auto arguments = std::make_shared<Arguments>();
    arguments->declare(subcommand(name, help, [arguments, action] { return action(*arguments); }));
  }

  std::vector<SubcommandText> texts() const;

  // Runs the chosen subcommand and returns its exit code. --help and --version print and return 0.
  // WrongInput if the arguments make no sense.
  int run(int argc, char** argv);

 private:
  Options subcommand(const char* name, const char* help, Run run);

  std::unique_ptr<CLI::App> app_;
  Options::Extras extras_;
  Run chosen_;
};

}  // namespace attune::cli
