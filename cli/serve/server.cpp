#include "cli/serve/server.h"

#include <arpa/inet.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/report/internal/report_parts.h"
#include "cli/serve/threads.h"

namespace attune::cli {
namespace {

constexpr int kMostStreams = 256;  // of news; each holds a thread
constexpr size_t kMostThreads = kMostStreams + 32;
constexpr std::chrono::seconds kHeartbeat{15};    // so that proxies keep quiet streams open
constexpr std::chrono::seconds kLongestFind{60};  // for a report that is asked for as a file
constexpr size_t kPiece = 64 * 1024;              // of what is sent at a time

thread_local Connection* current = nullptr;  // what the thread is answering

// A file descriptor that becomes readable when somebody rings.
class Bell {
 public:
  Bell() : file_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (file_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  ~Bell() { close(file_); }
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;
  void ring() const { eventfd_write(file_, 1); }
  void hush() const {
    eventfd_t count = 0;
    eventfd_read(file_, &count);
  }
  int file() const { return file_; }

 private:
  int file_;
};

bool send_all(httplib::DataSink& sink, std::string_view text) {
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, kPiece);
    if (!sink.write(piece.data(), piece.size())) return false;
    text.remove_prefix(piece.size());
  }
  return true;
}

// Sends a text that others may be sent too, without a copy of it.
void set_text(httplib::Response& response, std::shared_ptr<const std::string> text,
              const char* type) {
  const size_t size = text->size();
  response.set_content_provider(
      size, type, [text = std::move(text)](size_t offset, size_t length, httplib::DataSink& sink) {
        return sink.write(text->data() + offset, std::min(length, kPiece));
      });
}

void refuse(httplib::Response& response, int status, const std::string& why) {
  response.status = status;
  response.set_content(why + "\n", "text/plain; charset=utf-8");
}

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.rfind(':'));
}

bool is_address(std::string host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes;
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    return inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
  }
  return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1;
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace

bool equal_secrets(const std::string& a, const std::string& b) {
  volatile unsigned char different = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < a.size(); ++i) {
    const char other = b.empty() ? '\0' : b[i % b.size()];
    different = static_cast<unsigned char>(different | (a[i] ^ other));
  }
  return different == 0;
}

LiveServer::LiveServer(tune::LiveReports& live, ServerOptions options)
    : live_(live),
      options_(std::move(options)),
      stop_(eventfd(0, EFD_CLOEXEC)),
      page_(std::make_shared<const std::string>(tune::live_page())) {
  if (stop_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  new_task_queue = [] { return new GrowingThreads(kMostThreads); };
  set_socket_options([](socket_t socket) {  // not SO_REUSEPORT, which would share the port
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  set_tcp_nodelay(true);
  set_default_headers({{"Cache-Control", "no-store"},
                       {"Referrer-Policy", "no-referrer"},
                       {"X-Content-Type-Options", "nosniff"},
                       {"X-Frame-Options", "DENY"},
                       {"Cross-Origin-Resource-Policy", "same-origin"},
                       {"Cross-Origin-Opener-Policy", "same-origin"}});
  set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
    return check(request, response);
  });
  set_error_handler([](const httplib::Request&, httplib::Response& response) {
    if (!response.body.empty()) return;
    const char* why = response.status == 404   ? "there is no such page"
                      : response.status == 400 ? "that is not an HTTP request"
                      : response.status == 414 ? "the address is too long"
                                               : "that cannot be answered";
    response.set_content(std::string(why) + "\n", "text/plain; charset=utf-8");
  });
  set_exception_handler(
      [](const httplib::Request&, httplib::Response& response, std::exception_ptr error) {
        try {
          std::rethrow_exception(error);
        } catch (const Error& e) {
          refuse(response, 500, e.what());
        } catch (...) {
          refuse(response, 500, "something went wrong");
        }
      });
  Get("/", [this](const httplib::Request&, httplib::Response& response) {
    set_text(response, page_, "text/html; charset=utf-8");
  });
  Get("/events", [this](const httplib::Request& request, httplib::Response& response) {
    events(request, response);
  });
  Get("/report\\.json", [this](const httplib::Request& request, httplib::Response& response) {
    report(request, response, false);
  });
  Get("/report\\.html", [this](const httplib::Request& request, httplib::Response& response) {
    report(request, response, true);
  });
}

LiveServer::~LiveServer() { close(stop_); }

int LiveServer::bind() {
  errno = 0;
  if (options_.port != 0) {
    port_ = bind_to_port(options_.host, options_.port) ? options_.port : -1;
  } else {
    port_ = bind_to_any_port(options_.host);
  }
  return port_;
}

bool LiveServer::run() { return listen_after_bind(); }

void LiveServer::end() {
  eventfd_write(stop_, 1);
  stop();
}

// One request a connection: a browser opens few, and none is held that has nothing to say.
bool LiveServer::process_and_close_socket(socket_t socket) {
  bool answered = false;
  {
    Connection connection(socket, stop_);
    current = &connection;
    bool closed = true;
    answered = process_request(connection, true, closed, [](httplib::Request& request) {
      request.ranges.clear();
      request.headers.erase("Accept-Encoding");  // most clients are on this machine
    });
    current = nullptr;
    connection.linger();
  }
  close(socket);
  return answered;
}

// A page elsewhere that has its own name point here (DNS rebinding) would be let in by browsers:
// names are taken only that nobody else can own.
bool LiveServer::is_own_host(const std::string& host) const {
  std::string name = lower(std::string(without_port(host)));
  if (name == "localhost" || name == lower(options_.host) || is_address(name)) return true;
  char own[256] = {};
  return gethostname(own, sizeof own - 1) == 0 && name == lower(own);
}

httplib::Server::HandlerResponse LiveServer::check(const httplib::Request& request,
                                                   httplib::Response& response) const {
  const auto refused = [&](int status, const std::string& why) {
    refuse(response, status, why);
    return HandlerResponse::Handled;
  };
  if (current->cut() == Connection::Cut::too_large) {
    return refused(431, "the request is too large");
  }
  if (current->cut() == Connection::Cut::too_slow) return refused(408, "the request took too long");
  const std::string host = request.get_header_value("Host");
  if (request.get_header_value_count("Host") != 1 || !is_own_host(host)) {
    return refused(403, "this is not the host that was asked for");
  }
  if (request.has_header("Origin") &&
      lower(request.get_header_value("Origin")) != "http://" + lower(host)) {
    return refused(403, "pages from elsewhere get no answer");
  }
  std::string token = request.get_param_value("token");
  const std::string bearer = request.get_header_value("Authorization");
  if (token.empty() && bearer.starts_with("Bearer ")) token = bearer.substr(7);
  if (!equal_secrets(token, options_.token)) {
    response.set_header("WWW-Authenticate", "Bearer");
    return refused(401, "this needs the token: open the address that attune serve printed");
  }
  if (request.method != "GET" && request.method != "HEAD") {
    response.set_header("Allow", "GET, HEAD");
    return refused(405, "pages can only be looked at");
  }
  return HandlerResponse::Unhandled;
}

void LiveServer::events(const httplib::Request& request, httplib::Response& response) {
  struct Stream {
    explicit Stream(std::atomic<int>& streams) : count(streams) { ++count; }
    ~Stream() { --count; }
    std::atomic<int>& count;
    Bell bell;
    std::unique_ptr<tune::LiveReports::Follower> follower;  // goes before the bell
    bool begun = false;
  };
  if (request.method == "HEAD") return response.set_content("", "text/event-stream");
  const auto stream = std::make_shared<Stream>(streams_);
  if (streams_ > kMostStreams) {
    response.set_header("Retry-After", "10");
    return refuse(response, 503, "too many pages are open");
  }
  stream->follower =
      live_.follow(request.get_param_value("study"), [s = stream.get()] { s->bell.ring(); });
  response.set_chunked_content_provider(
      "text/event-stream", [stream](size_t, httplib::DataSink& sink) {
        if (!stream->begun) {
          stream->begun = true;
          return send_all(sink, "retry: 1000\n\n");
        }
        stream->bell.hush();
        const std::vector<tune::LiveMessage> news = stream->follower->news();
        for (const tune::LiveMessage& m : news) {
          if (!send_all(sink, fmt::format("event: {}\ndata: ", m.event)) ||
              !send_all(sink, *m.json) || !send_all(sink, "\n\n")) {
            return false;
          }
        }
        if (!news.empty()) return true;
        switch (current->wait(stream->bell.file(), kHeartbeat)) {
          case Connection::Woken::news: return true;
          case Connection::Woken::timeout: return send_all(sink, ": still here\n\n");
          case Connection::Woken::ended: break;
        }
        return false;
      });
}

// The report as it is now, to keep.
void LiveServer::report(const httplib::Request& request, httplib::Response& response, bool html) {
  const std::string study = request.get_param_value("study");
  if (study.empty()) return refuse(response, 400, "name a study: ?study=NAME");
  const Bell bell;
  const auto follower = live_.follow(study, [&bell] { bell.ring(); });
  const auto deadline = std::chrono::steady_clock::now() + kLongestFind;
  while (true) {
    bell.hush();
    for (const tune::LiveMessage& m : follower->news()) {
      if (m.event == "trouble" && m.json->size() > 2) return refuse(response, 404, *m.json);
      if (m.event != "report") continue;
      if (!html) return set_text(response, m.json, "application/json");
      response.set_header("Content-Disposition", "attachment; filename=\"report.html\"");
      return set_text(response,
                      std::make_shared<const std::string>(tune::internal::page_with(*m.json)),
                      "text/html; charset=utf-8");
    }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 || current->wait(bell.file(), left) != Connection::Woken::news) {
      return refuse(response, 503, "the report is not ready");
    }
  }
}

}  // namespace attune::cli
