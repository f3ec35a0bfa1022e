#include "attune/tune/report/report.h"

#include "attune/base/error.h"
#include "attune/base/internal/file.h"
#include "attune/tune/report/internal/page.h"
#include "attune/tune/report/internal/report_parts.h"
#include "attune/tune/report/live.h"

namespace attune::tune {
namespace {

// Between <script> tags only "</script" and "<!--" have a meaning; without '<' there is neither.
// U+2028 and U+2029 end a line in old JavaScript.
std::string safe_in_script(const std::string& json) {
  std::string text;
  text.reserve(json.size() + json.size() / 16);
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '<') {
      text += "\\u003c";
    } else if (c == '>') {
      text += "\\u003e";
    } else if (c == '&') {
      text += "\\u0026";
    } else if (json.compare(i, 3, "\xE2\x80\xA8") == 0 || json.compare(i, 3, "\xE2\x80\xA9") == 0) {
      text += json[i + 2] == '\xA8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace

bool has_report_page() { return !internal::report_page().empty(); }

std::string internal::page_with(const std::string& json) {
  if (!has_report_page()) {
    throw Error(
        "report: this build has no page; run script/setup page, which needs npm, and build attune "
        "again");
  }
  const std::string data = safe_in_script(json);
  const std::string_view page = internal::report_page();
  constexpr std::string_view kPlace = "{\"attune\":\"data\"}";
  const size_t at = page.find(kPlace);
  if (at == std::string_view::npos) throw Error("report: the page has no place for the data");
  std::string html(page.substr(0, at));
  html += data;
  html += page.substr(at + kPlace.size());
  return html;
}

std::string report_page(const StudyView& view) {
  // A build without the page says so before a second goes into findings.
  return internal::page_with(has_report_page() ? report_json(view) : std::string());
}

std::string live_page() {
  std::string html = internal::page_with("{\"live\":true}");
  // The page may talk to where it came from, and to nobody else.
  constexpr std::string_view kPolicy = "default-src 'none'; ";
  const size_t at = html.find(kPolicy);
  if (at == std::string::npos) throw Error("report: the page has no content security policy");
  return html.insert(at + kPolicy.size(), "connect-src 'self'; ");
}

void write_report(const StudyView& view, const std::string& path) {
  const std::string html = report_page(view);
  attune::internal::AtomicFile file(path);
  file.write(html.data(), html.size());
  file.commit();
}

}  // namespace attune::tune
