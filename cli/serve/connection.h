#pragma once
// One connection of the server, as cpp-httplib's Stream: with a limit on how much a request may
// bring and on how long it may take. What goes beyond is cut off, so that the library answers what
// there is and the server says why.

#include <httplib.h>

#include <chrono>
#include <string>

namespace attune::cli {

class Connection final : public httplib::Stream {
 public:
  // Neither is closed here. `stop` becomes readable when the server ends: no wait goes on then.
  Connection(int socket, int stop);

  enum class Cut { none, too_large, too_slow };
  Cut cut() const { return cut_; }

  // Waits until `news` is readable. False: the client has left, or the server ends.
  enum class Woken { news, timeout, ended };
  Woken wait(int news, std::chrono::milliseconds longest) const;

  // Tells the client that nothing more comes and lets it read the answer: a socket that is closed
  // with unread bytes takes back what was sent.
  void linger();

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* to, size_t size) override;
  ssize_t write(const char* from, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_; }

 private:
  using Clock = std::chrono::steady_clock;
  bool wait_for(short events, Clock::time_point deadline) const;

  const int socket_, stop_;
  const Clock::time_point deadline_;  // of the request
  Cut cut_ = Cut::none;
  size_t received_ = 0;
  std::string end_;  // what is read in place of what was cut off
  char buffer_[4096] = {};
  size_t begin_ = 0, filled_ = 0;
};

}  // namespace attune::cli
