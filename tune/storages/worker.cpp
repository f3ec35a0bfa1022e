#include "attune/tune/storages/internal/worker.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/internal/json.h"

namespace attune::tune {
namespace {

std::string host() {
  char name[256] = "";
  gethostname(name, sizeof(name) - 1);
  std::string boot;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  char space[64] = "";
  const ssize_t length = readlink("/proc/self/ns/pid", space, sizeof(space) - 1);
  return fmt::format("{} {} {}", static_cast<const char*>(name), boot,
                     std::string_view(space, length > 0 ? static_cast<size_t>(length) : 0));
}

constexpr int64_t kEnded = -1;

// In clock ticks since the boot; 0: unknown. Process numbers are used again, with another start
// time.
int64_t start_time(int64_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const size_t after_name = text.rfind(')');  // the program's name may hold anything
  if (after_name == std::string::npos) return 0;
  std::istringstream rest(text.substr(after_name + 1));
  std::string field;
  for (int i = 3; i < 22; ++i) {
    rest >> field;
    if (i == 3 && (field == "Z" || field == "X")) return kEnded;  // not yet reaped
  }
  int64_t ticks = 0;
  rest >> ticks;
  return ticks;
}

}  // namespace

std::string this_worker() {
  const auto pid = static_cast<int64_t>(getpid());
  return fmt::format(R"({{"host": {}, "pid": {}, "started": {}}})", json::quote(host()), pid,
                     start_time(pid));
}

Fate fate_of(std::string_view text) {
  try {
    const json::Value worker = json::parse(std::string(text));
    const json::Value *where = worker.find("host"), *pid = worker.find("pid"),
                      *started = worker.find("started");
    if (!where || !pid || !started) return Fate::unknown;
    if (where->scalar() != ParamValue(host())) return Fate::elsewhere;
    const int64_t number = pid->scalar().as_int();
    if (number < 1 || number > std::numeric_limits<pid_t>::max()) return Fate::gone;
    if (kill(static_cast<pid_t>(number), 0) != 0 && errno == ESRCH) return Fate::gone;
    const int64_t now = start_time(number);
    return now != 0 && now != started->scalar().as_int() ? Fate::gone : Fate::alive;
  } catch (const Error&) {  // somebody else's attribute by that name
    return Fate::unknown;
  }
}

std::string worker_name(std::string_view text) {
  try {
    const json::Value worker = json::parse(std::string(text));
    const json::Value *where = worker.find("host"), *pid = worker.find("pid");
    if (where && pid) {
      const std::string host = where->scalar().as_string();
      return fmt::format("process {} on {}", pid->scalar().as_int(),
                         host.substr(0, host.find(' ')));
    }
  } catch (const Error&) {
  }
  return "a process that left no name";
}

}  // namespace attune::tune
