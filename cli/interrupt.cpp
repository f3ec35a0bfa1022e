#include "cli/interrupt.h"

#include <csignal>
#include <cstring>

#include <unistd.h>

namespace attune::cli {
namespace {

volatile std::sig_atomic_t signals = 0;
const char* volatile message = nullptr;

// Calls nothing but what POSIX allows in a signal handler.
extern "C" void on_signal(int) {
  if (signals != 0) _exit(130);
  signals = 1;
  const char* text = message;
  if (text == nullptr) return;
  if (write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
}

}  // namespace

void watch_signals(const char* text) {
  message = text;
  struct sigaction action = {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = 0;  // no SA_RESTART: a read that waits for input ends
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  struct sigaction hangup = {};
  sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);  // nohup goes on
}

bool interrupted() { return signals != 0; }

}  // namespace attune::cli
