#pragma once
// One end of a socket over which whole packets go.

#include <chrono>
#include <optional>
#include <string>

#include "attune/base/error.h"
#include "attune/tune/internal/isolation/packet.h"

namespace attune::tune::internal {

// The process at the other end is gone.
struct ChannelClosed : Error {
  using Error::Error;
};

// To be used by one thread.
class Channel {
 public:
  explicit Channel(int file) : file_(file) {}  // owns it
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  int file() const { return file_; }
  // ChannelClosed.
  void send(const Packet& packet);
  Packet receive();
  // Nothing: no packet has come so far. Does not wait.
  std::optional<Packet> poll();

 private:
  std::optional<Packet> whole();
  bool read(int flags);  // false: there is nothing at the moment

  int file_;
  std::string pending_;
};

}  // namespace attune::tune::internal
