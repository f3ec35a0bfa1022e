#include "cli/serve/connection.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace attune::cli {
namespace {

constexpr size_t kLargestRequest = 64 * 1024;
constexpr std::chrono::seconds kLongestRequest{10};
constexpr std::chrono::seconds kLongestWrite{10};  // without a byte taken
constexpr std::chrono::milliseconds kLinger{500};
constexpr size_t kLongestLinger = 1 << 20;

int milliseconds_until(std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1'000'000));
}

void name_of(int socket, int (*which)(int, sockaddr*, socklen_t*), std::string& ip, int& port) {
  sockaddr_storage address = {};
  socklen_t size = sizeof address;
  char host[NI_MAXHOST] = {}, service[NI_MAXSERV] = {};
  if (which(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return;
  if (getnameinfo(reinterpret_cast<sockaddr*>(&address), size, host, sizeof host, service,
                  sizeof service, NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return;
  }
  ip = host;
  port = std::atoi(service);
}

}  // namespace

Connection::Connection(int socket, int stop)
    : socket_(socket), stop_(stop), deadline_(Clock::now() + kLongestRequest) {}

// Whether it happened before the deadline, and before the server's end.
bool Connection::wait_for(short events, Clock::time_point deadline) const {
  while (true) {
    pollfd files[] = {{socket_, events, 0}, {stop_, POLLIN, 0}};
    const int count = poll(files, 2, milliseconds_until(deadline));
    if (count < 0 && errno == EINTR) continue;
    return count > 0 && files[1].revents == 0;
  }
}

Connection::Woken Connection::wait(int news, std::chrono::milliseconds longest) const {
  const Clock::time_point deadline = Clock::now() + longest;
  while (true) {
    pollfd files[] = {{socket_, POLLRDHUP, 0}, {stop_, POLLIN, 0}, {news, POLLIN, 0}};
    const int count = poll(files, 3, milliseconds_until(deadline));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 || files[0].revents != 0 || files[1].revents != 0) return Woken::ended;
    return count == 0 ? Woken::timeout : Woken::news;
  }
}

void Connection::linger() {
  if (shutdown(socket_, SHUT_WR) != 0) return;
  const Clock::time_point deadline = Clock::now() + kLinger;
  for (size_t dropped = 0; dropped < kLongestLinger;) {
    if (!wait_for(POLLIN, deadline)) return;
    const ssize_t count = recv(socket_, buffer_, sizeof buffer_, MSG_DONTWAIT);
    if (count <= 0) return;
    dropped += static_cast<size_t>(count);
  }
}

bool Connection::is_readable() const {
  return begin_ < filled_ || !end_.empty() || wait_for(POLLIN, deadline_);
}

bool Connection::is_writable() const { return wait_for(POLLOUT, Clock::now() + kLongestWrite); }

ssize_t Connection::read(char* to, size_t size) {
  if (begin_ == filled_ && end_.empty() && cut_ == Cut::none) {
    begin_ = filled_ = 0;
    ssize_t count = -1;
    if (received_ >= kLargestRequest) {
      cut_ = Cut::too_large;
    } else if (!wait_for(POLLIN, deadline_)) {
      cut_ = Cut::too_slow;
    } else {
      count = recv(socket_, buffer_, std::min(sizeof buffer_, kLargestRequest - received_), 0);
      if (count <= 0) return count;
      filled_ = static_cast<size_t>(count);
      received_ += filled_;
    }
    // A connection on which nothing ever came is closed without a word.
    if (cut_ != Cut::none && received_ > 0) end_ = "\r\n\r\n";
  }
  if (begin_ < filled_) {
    const size_t count = std::min(size, filled_ - begin_);
    std::copy_n(buffer_ + begin_, count, to);
    begin_ += count;
    return static_cast<ssize_t>(count);
  }
  const size_t count = end_.copy(to, size);
  end_.erase(0, count);
  return static_cast<ssize_t>(count);
}

ssize_t Connection::write(const char* from, size_t size) {
  while (true) {
    if (!wait_for(POLLOUT, Clock::now() + kLongestWrite)) return -1;
    const ssize_t count = send(socket_, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0 || (errno != EAGAIN && errno != EINTR)) return count;
  }
}

void Connection::get_remote_ip_and_port(std::string& ip, int& port) const {
  name_of(socket_, getpeername, ip, port);
}
void Connection::get_local_ip_and_port(std::string& ip, int& port) const {
  name_of(socket_, getsockname, ip, port);
}

}  // namespace attune::cli
