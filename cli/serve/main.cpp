// attune-serve: what `attune serve` hands over to. See cli/serve_settings.h.

#include <poll.h>
#include <pthread.h>
#include <sys/random.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>

#include <fmt/format.h>

#include "attune/base/internal/text.h"
#include "attune/tune/study_view.h"
#include "cli/interrupt.h"
#include "cli/run.h"
#include "cli/serve/server.h"
#include "cli/serve_settings.h"
#include "cli/terminal.h"

namespace attune::cli {
namespace {

std::string new_token() {
  if (const char* given = std::getenv("ATTUNE_SERVE_TOKEN"); given && *given != 0) {
    for (const char* c = given; *c != 0; ++c) {
      if (!std::isalnum(static_cast<unsigned char>(*c)) && !std::strchr("-_.~", *c)) {
        throw WrongInput(
            "ATTUNE_SERVE_TOKEN: letters, digits and -_.~ only, as it is in addresses");
      }
    }
    if (std::strlen(given) < 16) throw WrongInput("ATTUNE_SERVE_TOKEN: 16 characters or more");
    return given;
  }
  unsigned char bytes[16];
  if (getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes)) {
    throw WorkFailed(fmt::format("serve: no random bytes: {}", std::strerror(errno)));
  }
  std::string token;
  for (const unsigned char byte : bytes) token += fmt::format("{:02x}", byte);
  return token;
}

std::string in_query(const std::string& text) {
  std::string coded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    coded += std::isalnum(byte) || std::strchr("-_.~", c) ? std::string(1, c)
                                                          : fmt::format("%{:02X}", byte);
  }
  return coded;
}

// What a browser is given to open. One cannot go to "any address".
std::string address(const std::string& host, int port) {
  const bool any = host == "0.0.0.0" || host == "::";
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("http://{}:{}/", any ? "localhost" : v6 ? "[" + host + "]" : host, port);
}

int bound(LiveServer& server, const std::string& where) {
  const int port = server.bind();
  if (port > 0) return port;
  throw WorkFailed(fmt::format("serve: cannot listen at {}: {}", where,
                               errno != 0 ? std::strerror(errno) : "no such address"));
}

int run_serve(const Serve& o) {
  const std::string url = o.url(), study = o.study_name(), token = new_token();
  tune::LiveReports live(open_for_reading([&] {
    Common common = o;
    common.storage = url;
    return common;
  }()));
  std::unique_ptr<LiveServer> server;
  const auto make = [&](int port) {
    server = std::make_unique<LiveServer>(
        live, ServerOptions{.host = o.host, .port = port, .token = token});
  };
  make(o.port < 0 ? kServePort : o.port);
  int port = 0;
  if (o.port < 0) {
    port = server->bind();
    if (port <= 0) make(0);
  }
  if (port <= 0) port = bound(*server, fmt::format("{}:{}", o.host, std::max(o.port, 0)));

  // Signals come to this thread alone, and only while it waits for them.
  sigset_t ends = {}, before = {};
  sigemptyset(&ends);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ends, signal);
  pthread_sigmask(SIG_BLOCK, &ends, &before);
  watch_signals(nullptr);

  std::atomic<bool> ended = false;
  const pthread_t waiting = pthread_self();
  std::thread answering([&] {
    const bool fine = server->run();
    if (!fine) ended = true;
    pthread_kill(waiting, SIGTERM);
  });
  std::string query = "?token=" + token;
  if (!study.empty()) query = "?study=" + in_query(study) + "&token=" + token;
  const std::string open = address(o.host, port) + query;
  std::exception_ptr trouble;
  try {
    if (o.json) {
      answer(Json({{"url", open}, {"host", o.host}, {"port", port}, {"token", token}}));
    } else {
      answer(open + "\n");
    }
    note(o, fmt::format("Open it in a browser; Ctrl-C ends it. Whoever has the address can look at "
                        "every study of {}",
                        shown_path(url)));
    while (!interrupted()) ppoll(nullptr, 0, nullptr, &before);
  } catch (...) {
    trouble = std::current_exception();
  }
  server->end();
  answering.join();
  if (trouble) std::rethrow_exception(trouble);
  if (ended) throw WorkFailed("serve: the port was lost");
  return kFine;
}

void add(CommandLine& commands) {
  commands.add("serve", "The report as a live page, for browsers", run_serve);
}

}  // namespace
}  // namespace attune::cli

int main(int argc, char** argv) {
  constexpr attune::cli::AddCommand kCommands[] = {attune::cli::add};
  return attune::cli::run_program(argc, argv, kCommands);
}
