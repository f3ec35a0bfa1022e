#pragma once
// The live pages over HTTP: who may ask, what there is, and the stream of news. cpp-httplib speaks
// HTTP; its server is given connections with limits and threads that grow with the number of
// clients.

#include "cli/serve/connection.h"

#include <atomic>
#include <memory>
#include <string>

#include "attune/tune/report/live.h"

namespace attune::cli {

struct ServerOptions {
  std::string host = "127.0.0.1";
  int port = 0;
  std::string token;  // what every request must have in its query or as its bearer
};

class LiveServer final : public httplib::Server {
 public:
  LiveServer(tune::LiveReports& live, ServerOptions options);
  ~LiveServer() override;

  // Binds to the port, 0: to any; returns it, or -1 with errno where that cannot be.
  int bind();
  // Answers until end() is called. False where it ended by itself.
  bool run();
  void end();

 private:
  bool process_and_close_socket(socket_t socket) override;

  HandlerResponse check(const httplib::Request& request, httplib::Response& response) const;
  bool is_own_host(const std::string& host) const;
  void events(const httplib::Request& request, httplib::Response& response);
  void report(const httplib::Request& request, httplib::Response& response, bool html);

  tune::LiveReports& live_;
  const ServerOptions options_;
  int port_ = 0;
  int stop_ = -1;  // readable once the server ends
  std::shared_ptr<const std::string> page_;
  std::atomic<int> streams_ = 0;
};

// Whether they are equal, in a time that says nothing about where they differ.
bool equal_secrets(const std::string& a, const std::string& b);

}  // namespace attune::cli
