#include "attune/tune/program/internal/child_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/program/internal/after_fork.h"

extern "C" char** environ;

namespace attune::tune::internal {
namespace {

// A pair of ends of a pipe, closed with it.
struct Pipe {
  int from = -1, to = -1;

  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
      throw Error(fmt::format("process: no pipe can be made: {}", std::strerror(errno)));
    }
    from = above_standard(ends[0]), to = above_standard(ends[1]);
  }
  ~Pipe() {
    close_end(from);
    close_end(to);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  static void close_end(int& end) {
    if (end >= 0) close(end);
    end = -1;
  }

  // Where the host has closed a standard stream, a pipe may get its number, and the child would
  // lose it while it sets up its own.
  static int above_standard(int end) {
    if (end > STDERR_FILENO) return end;
    const int moved = fcntl(end, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int cause = errno;
    close(end);
    if (moved < 0) {
      throw Error(fmt::format("process: no pipe can be made: {}", std::strerror(cause)));
    }
    return moved;
  }
};

std::vector<std::string> environment_with(const ChildProcess::Environment& more) {
  std::vector<std::string> all;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view known(*entry);
    const auto replaced = [&](const auto& one) {
      return known.starts_with(one.first) && known.substr(one.first.size()).starts_with('=');
    };
    if (std::none_of(more.begin(), more.end(), replaced)) all.emplace_back(known);
  }
  for (const auto& [name, value] : more) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

// The new process, up to its program. Everything it uses has been made before.
[[noreturn]] void become(const ProcessGuard& guard, pid_t parent, const char* program,
                         char* const* words, char* const* environment, int output, int errors,
                         int cause_pipe) {
  setpgid(0, 0);
  guard.watch(getpid());
  reset_signals();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it died before that was set
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
      dup2(errors, STDERR_FILENO) >= 0) {
    close_above_on_exec(STDERR_FILENO);
    execve(program, words, environment);
  }
  const int cause = errno;
  [[maybe_unused]] const ssize_t written = write(cause_pipe, &cause, sizeof(cause));
  _exit(127);
}

// A file that may be executed, and no folder. errno says why not.
bool can_run(const std::string& path) {
  struct stat file {};
  if (stat(path.c_str(), &file) != 0) return false;
  if (S_ISDIR(file.st_mode)) {
    errno = EISDIR;
    return false;
  }
  return access(path.c_str(), X_OK) == 0;
}

}  // namespace

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    if (can_run(name)) return name;
    throw ValueError(
        fmt::format("command: {} cannot be run: {}", in_quotes(name, 300), std::strerror(errno)));
  }
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "/usr/local/bin:/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string file = (folder.empty() ? "." : folder) + "/" + name;
    if (can_run(file)) return file;
  }
  throw ValueError(fmt::format("command: there is no program {} on the PATH", in_quotes(name)));
}

ChildProcess::ChildProcess(const ProcessGuard& guard, const std::vector<std::string>& words,
                           const Environment& more)
    : guard_(guard) {
  const std::string program = find_program(words.front());
  std::vector<std::string> texts = words, variables = environment_with(more);
  const std::vector<char*> arguments = pointers(texts), environment = pointers(variables);
  Pipe output, errors, cause;
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    become(guard, parent, program.c_str(), arguments.data(), environment.data(), output.to,
           errors.to, cause.to);
  }
  if (pid_ < 0) {
    throw Error(fmt::format("process: none can be started: {}", std::strerror(errno)));
  }
  setpgid(pid_, pid_);  // whoever is first
  Pipe::close_end(output.to);
  Pipe::close_end(errors.to);
  Pipe::close_end(cause.to);
  int failed = 0;
  ssize_t size = 0;
  while ((size = ::read(cause.from, &failed, sizeof(failed))) < 0 && errno == EINTR) {
  }
  if (size == sizeof(failed)) {
    finish();
    throw Error(fmt::format(
        "process: {} cannot be run: {}{}", in_quotes(program, 300), std::strerror(failed),
        failed == ENOEXEC ? "; a script begins with a line such as #!/bin/sh" : ""));
  }
  output_ = std::exchange(output.from, -1);
  errors_ = std::exchange(errors.from, -1);
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) {
    signal(SIGKILL);
    finish();
  }
  Pipe::close_end(output_);
  Pipe::close_end(errors_);
}

ChildProcess::Text ChildProcess::read(std::chrono::milliseconds longest) {
  Text text;
  pollfd ready[] = {{output_, POLLIN, 0}, {errors_, POLLIN, 0}};  // below 0: left out
  if (closed() || poll(ready, 2, static_cast<int>(longest.count())) <= 0) return text;
  const auto take = [](const pollfd& from, int& end, std::string& to) {
    if (end < 0 || from.revents == 0) return;
    char buffer[1 << 16];
    const ssize_t size = ::read(end, buffer, sizeof(buffer));
    if (size > 0) to.append(buffer, static_cast<size_t>(size));
    if (size == 0 || (size < 0 && errno != EINTR)) Pipe::close_end(end);
  };
  take(ready[0], output_, text.output);
  take(ready[1], errors_, text.errors);
  return text;
}

bool ChildProcess::ended() {
  siginfo_t info = {};
  return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
         info.si_pid == pid_;
}

void ChildProcess::signal(int number) {
  if (pid_ > 0) kill(-pid_, number);
}

// As long as it has not been waited for, no other group can get its number.
std::string ChildProcess::finish() {
  const pid_t pid = std::exchange(pid_, -1);
  siginfo_t info = {};
  while (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  kill(-pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return "it was waited for by another part of this program";
  }
  guard_.forget(pid);
  if (WIFSIGNALED(status)) {
    return fmt::format("killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  }
  return WEXITSTATUS(status) == 0 ? "" : fmt::format("exit code {}", WEXITSTATUS(status));
}

int64_t ChildProcess::memory() const {
  int64_t pages = 0;
  DIR* processes = opendir("/proc");
  if (!processes) return 0;
  while (const dirent* entry = readdir(processes)) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    std::ifstream file(fmt::format("/proc/{}/stat", static_cast<const char*>(entry->d_name)));
    std::string text;
    std::getline(file, text);
    const size_t after_name = text.rfind(')');
    if (after_name == std::string::npos) continue;
    std::istringstream rest(text.substr(after_name + 1));
    std::string field;
    int64_t group = 0;
    rest >> field >> field >> group;
    if (group != pid_) continue;
    for (int i = 6; i < 24; ++i) rest >> field;  // the 24th is the resident size
    int64_t resident = 0;
    rest >> resident;
    pages += resident;
  }
  closedir(processes);
  return pages * sysconf(_SC_PAGESIZE);
}

}  // namespace attune::tune::internal
