#include "attune/tune/internal/isolation/launcher.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/program/internal/after_fork.h"

namespace attune::tune::internal {
namespace {

// To the launcher: start a process, which comes with a descriptor, or send this signal; 0: no more
// are wanted. From it: a process has been started, or not, and why; or it has ended.
struct Message {
  enum class What : int { start, signal, started, refused, ended } what = What::start;
  int number = 0;  // the signal, errno, or the status
};

bool send_message(int socket, Message message, int file = -1) {
  iovec content{&message, sizeof(message)};
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &content;
  header.msg_iovlen = 1;
  if (file >= 0) {
    header.msg_control = room;
    header.msg_controllen = sizeof(room);
    cmsghdr* part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(part), &file, sizeof(int));
  }
  ssize_t sent = 0;
  while ((sent = sendmsg(socket, &header, MSG_NOSIGNAL)) < 0 && errno == EINTR) {
  }
  return sent == sizeof(message);
}

constexpr int kClosed = -1;  // in place of a signal

// Nothing: `flags` say not to wait, and there is none.
std::optional<std::pair<Message, int>> receive_message(int socket, int flags) {
  Message message;
  iovec content{&message, sizeof(message)};
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &content;
  header.msg_iovlen = 1;
  header.msg_control = room;
  header.msg_controllen = sizeof(room);
  ssize_t size = 0;
  while ((size = recvmsg(socket, &header, flags | MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
  }
  if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::nullopt;
  if (size != sizeof(message)) return std::pair(Message{Message::What::signal, kClosed}, -1);
  int file = -1;
  const cmsghdr* part = CMSG_FIRSTHDR(&header);
  if (part && part->cmsg_type == SCM_RIGHTS) std::memcpy(&file, CMSG_DATA(part), sizeof(int));
  return std::pair(message, file);
}

// The launcher itself.
class Starter {
 public:
  Starter(std::vector<int> sockets, const Launcher::Body& body) : body_(body) {
    sigset_t mine;
    sigemptyset(&mine);
    sigaddset(&mine, SIGCHLD);
    sigaddset(&mine, SIGTERM);
    sigprocmask(SIG_SETMASK, &mine, nullptr);
    for (const int socket : sockets) {
      polled_.push_back({socket, POLLIN, 0});
      running_.push_back(0);
    }
    polled_.push_back({signalfd(-1, &mine, SFD_CLOEXEC | SFD_NONBLOCK), POLLIN, 0});
  }

  // Until the process that made it wants no more, or is gone: false.
  bool run() {
    for (;;) {
      if (::poll(polled_.data(), polled_.size(), -1) < 0) continue;
      if (polled_.back().revents != 0 && !reap()) return false;
      for (size_t place = 0; place < running_.size(); ++place) {
        if (polled_[place].revents != 0 && !obey(place)) return dismissed_;
      }
    }
  }

  void kill_all() const {
    for (const pid_t pid : running_) {
      if (pid > 0) kill(-pid, SIGKILL);
    }
  }

 private:
  // False: SIGTERM has come.
  bool reap() {
    signalfd_siginfo info{};
    while (read(polled_.back().fd, &info, sizeof(info)) == sizeof(info)) {
      if (info.ssi_signo == SIGTERM) return false;
    }
    for (;;) {
      siginfo_t ended = {};
      if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0) break;
      kill(-ended.si_pid, SIGKILL);  // what it has left behind; the number is still its own
      int status = 0;
      waitpid(ended.si_pid, &status, 0);
      const auto at = std::find(running_.begin(), running_.end(), ended.si_pid);
      if (at == running_.end()) continue;
      *at = 0;
      send_message(polled_[static_cast<size_t>(at - running_.begin())].fd,
                   {Message::What::ended, status});
    }
    return true;
  }

  // False: no more are wanted, or the other end is closed.
  bool obey(size_t place) {
    const int socket = polled_[place].fd;
    const auto got = receive_message(socket, MSG_DONTWAIT);
    if (!got) return true;
    const auto [message, file] = *got;
    if (message.what == Message::What::signal) {
      dismissed_ = message.number == 0;
      if (dismissed_ || message.number == kClosed) return false;
      if (running_[place] > 0) {
        kill(-running_[place], message.number);
        kill(-running_[place], SIGCONT);  // one that is stopped could not obey
      }
      return true;
    }
    const pid_t starter = getpid(), pid = fork();
    if (pid == 0) become(starter, static_cast<int>(place), file);
    const int cause = errno;
    close(file);
    if (pid < 0) return send_message(socket, {Message::What::refused, cause});
    setpgid(pid, pid);  // whoever is first
    running_[place] = pid;
    return send_message(socket, {Message::What::started, 0});
  }

  [[noreturn]] void become(pid_t starter, int place, int file) const {
    setpgid(0, 0);
    for (const pollfd& one : polled_) close(one.fd);
    reset_signals();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != starter) _exit(127);  // it died before that was set
    _exit(body_(file, place));
  }

  const Launcher::Body& body_;
  std::vector<pollfd> polled_;
  std::vector<pid_t> running_;  // by place; 0: none
  bool dismissed_ = false;
};

}  // namespace

Launcher::Launcher(int places, Body body, std::function<void()> bereft) {
  std::vector<int> theirs;
  const auto close_all = [](const std::vector<int>& files) {
    for (const int file : files) close(file);
  };
  for (int i = 0; i < places; ++i) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
      const int cause = errno;
      close_all(controls_);
      close_all(theirs);
      throw Error(fmt::format("isolate: no socket can be made: {}", std::strerror(cause)));
    }
    controls_.push_back(ends[0]);
    theirs.push_back(ends[1]);
  }
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    setpgid(0, 0);  // the terminal's Ctrl-C is for the parent, which then decides
    reset_signals();
    for (const int signal : {SIGINT, SIGHUP, SIGQUIT, SIGPIPE}) ::signal(signal, SIG_IGN);
    close_all(controls_);
    Starter starter(theirs, body);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    const bool dismissed = getppid() == parent && starter.run();
    starter.kill_all();
    if (!dismissed) bereft();
    _exit(0);
  }
  const int cause = errno;
  close_all(theirs);
  if (pid_ > 0) return;
  close_all(controls_);
  throw Error(fmt::format("isolate: no process can be started: {}", std::strerror(cause)));
}

// Closing would not do: the launcher of another run may have been made meanwhile, with copies of
// these ends.
Launcher::~Launcher() {
  send_message(controls_.front(), {Message::What::signal, 0});
  for (const int control : controls_) close(control);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void Launcher::start(int place, int file) const {
  constexpr const char* kGone = "the process that starts them has been ended";
  std::string cause = kGone;
  if (send_message(events(place), {}, file)) {
    const Message answer = receive_message(events(place), 0)->first;
    if (answer.what == Message::What::started) return;
    if (answer.what == Message::What::refused) cause = std::strerror(answer.number);
  }
  throw Error(fmt::format("isolate: no process can be started: {}", cause));
}

void Launcher::signal(int place, int number) const {
  send_message(events(place), {Message::What::signal, number});
}

std::optional<int> Launcher::ended(int place) const {
  const auto got = receive_message(events(place), MSG_DONTWAIT);
  if (!got) return std::nullopt;
  if (got->first.what == Message::What::ended) return got->first.number;
  return SIGKILL;  // with the launcher
}

}  // namespace attune::tune::internal
