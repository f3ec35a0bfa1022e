#include "cli/run.h"

#include <csignal>
#include <exception>
#include <new>
#include <string>
#include <typeinfo>

#include "attune/base/error.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"

namespace attune::cli {
namespace {

int complain(Exit code, const std::string& text) {
  error_line("attune: " + text);
  return code;
}

int run(int argc, char** argv, std::span<const AddCommand> adders) {
  CommandLine commands(
      "Tunes, trains and explains small models. Answers on stdout, all else on stderr; "
      "exit 0: fine, 1: the work failed, 2: wrong input, 130: interrupted.",
      "attune " ATTUNE_VERSION);
  for (const AddCommand add : adders) add(commands);
  return commands.run(argc, argv);
}

}  // namespace

int run_program(int argc, char** argv, std::span<const AddCommand> commands) noexcept {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is a failed write, which is looked at
  std::signal(SIGCHLD, SIG_DFL);  // ignored, as some parents leave it, no child could be waited for
  keep_standard_streams_open();
  try {
    return run(argc, argv, commands);
  } catch (const ReaderLeft&) {
    return kFailed;
  } catch (const WrongInput& e) {
    return complain(kWrongInput, e.what());
  } catch (const WorkFailed& e) {
    return complain(interrupted() ? kInterrupted : kFailed, e.what());
  } catch (const StorageError& e) {
    return complain(interrupted() ? kInterrupted : kFailed, e.what());
  } catch (const OutOfMemory& e) {
    return complain(kFailed, e.what());
  } catch (const Error& e) {
    // Its kinds are about what was given; an Error of no kind is about how the work went.
    return complain(typeid(e) == typeid(Error) ? kFailed : kWrongInput, e.what());
  } catch (const std::bad_alloc&) {
    return complain(kFailed, "out of memory");
  } catch (const std::exception& e) {
    return complain(kFailed, e.what());
  }
}

}  // namespace attune::cli
