// The attune command: parses the arguments, calls the library, and turns what it throws into one
// line on stderr and an exit code.

#include <csignal>
#include <exception>
#include <new>
#include <string>
#include <typeinfo>

#include "attune/base/error.h"
#include "cli/command.h"
#include "cli/terminal.h"

namespace attune::cli {
namespace {

int complain(Exit code, const std::string& text) {
  error_line("attune: " + text);
  return code;
}

int run(int argc, char** argv) {
  CommandLine commands(
      "Tunes, trains and explains small models. Answers on stdout, all else on stderr; "
      "exit 0: fine, 1: the work failed, 2: wrong input, 130: interrupted.",
      "attune " ATTUNE_VERSION);
  for (const auto add :
       {add_fit, add_predict, add_tune, add_worker, add_ask_tell, add_studies, add_trials, add_best,
        add_importance, add_log, add_export, add_copy, add_delete, add_enqueue, add_ask, add_tell,
        add_replay, add_report, add_doctor}) {
    add(commands);
  }
  return commands.run(argc, argv);
}

}  // namespace
}  // namespace attune::cli

int main(int argc, char** argv) {
  using namespace attune;
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is a failed write, which is looked at
  cli::keep_standard_streams_open();
  try {
    return cli::run(argc, argv);
  } catch (const cli::ReaderLeft&) {
    return cli::kFailed;
  } catch (const cli::WrongInput& e) {
    return cli::complain(cli::kWrongInput, e.what());
  } catch (const cli::WorkFailed& e) {
    return cli::complain(cli::kFailed, e.what());
  } catch (const StorageError& e) {
    return cli::complain(cli::kFailed, e.what());
  } catch (const OutOfMemory& e) {
    return cli::complain(cli::kFailed, e.what());
  } catch (const Error& e) {
    // Its kinds are about what was given; an Error of no kind is about how the work went.
    return cli::complain(typeid(e) == typeid(Error) ? cli::kFailed : cli::kWrongInput, e.what());
  } catch (const std::bad_alloc&) {
    return cli::complain(cli::kFailed, "out of memory");
  } catch (const std::exception& e) {
    return cli::complain(cli::kFailed, e.what());
  }
}
