#include "attune/tune/internal/isolation/channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace attune::tune::internal {
namespace {

[[noreturn]] void closed() { throw ChannelClosed("isolate: the other process is gone"); }

}  // namespace

Channel::~Channel() { close(file_); }

void Channel::send(const Packet& packet) {
  const uint64_t size = packet.bytes().size();
  std::string all(reinterpret_cast<const char*>(&size), sizeof(size));
  all += packet.bytes();
  for (size_t sent = 0; sent < all.size();) {
    const ssize_t done = ::send(file_, all.data() + sent, all.size() - sent, MSG_NOSIGNAL);
    if (done > 0) sent += static_cast<size_t>(done);
    if (done < 0 && errno != EINTR) closed();
  }
}

std::optional<Packet> Channel::whole() {
  uint64_t size = 0;
  if (pending_.size() < sizeof(size)) return std::nullopt;
  std::memcpy(&size, pending_.data(), sizeof(size));
  if (pending_.size() - sizeof(size) < size) return std::nullopt;
  Packet packet(pending_.substr(sizeof(size), size));
  pending_.erase(0, sizeof(size) + size);
  return packet;
}

bool Channel::read(int flags) {
  char buffer[1 << 14];
  for (;;) {
    const ssize_t size = recv(file_, buffer, sizeof(buffer), flags);
    if (size > 0) {
      pending_.append(buffer, static_cast<size_t>(size));
      return true;
    }
    if (size == 0) closed();
    if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
    if (errno != EINTR) closed();
  }
}

Packet Channel::receive() {
  for (;;) {
    if (std::optional<Packet> packet = whole()) return std::move(*packet);
    read(0);
  }
}

std::optional<Packet> Channel::poll() {
  do {
    if (std::optional<Packet> packet = whole()) return packet;
  } while (read(MSG_DONTWAIT));
  return std::nullopt;
}

}  // namespace attune::tune::internal
