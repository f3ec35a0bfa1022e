#include "attune/tune/report/internal/page.h"

#ifdef ATTUNE_PAGE_FILE
// The assembler takes the file as it is: no array of a million numbers to compile.
asm(".section .rodata\n"
    ".global attune_report_page\n"
    ".global attune_report_page_end\n"
    ".type attune_report_page, @object\n"
    "attune_report_page:\n"
    ".incbin \"" ATTUNE_PAGE_FILE
    "\"\n"
    "attune_report_page_end:\n"
    ".byte 0\n"
    ".previous\n");
extern "C" const char attune_report_page[], attune_report_page_end[];
#endif

namespace attune::tune::internal {

std::string_view report_page() {
#ifdef ATTUNE_PAGE_FILE
  return {attune_report_page, static_cast<size_t>(attune_report_page_end - attune_report_page)};
#else
  return {};
#endif
}

}  // namespace attune::tune::internal
