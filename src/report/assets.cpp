#include "axs/report/assets.h"

#include <cstddef>

// .incbin takes a file in without a compiler having to read it as a literal.
#define AXS_TAKE_IN(name, path)                                              \
  __asm__(".section .rodata\n" #name "_begin:\n.incbin \"" path "\"\n" #name \
          "_end:\n.byte 0\n.previous\n");                                    \
  extern "C" const char name##_begin[];                                      \
  extern "C" const char name##_end[]

AXS_TAKE_IN(axs_page_css, AXS_PAGE "/page.css");
AXS_TAKE_IN(axs_page_js, AXS_PAGE "/page.js");
AXS_TAKE_IN(axs_chart_js, AXS_CHART);
AXS_TAKE_IN(axs_land, AXS_LAND);

namespace axs::report {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::string_view style_sheet() {
  return between(axs_page_css_begin, axs_page_css_end);
}
std::string_view page_script() {
  return between(axs_page_js_begin, axs_page_js_end);
}
std::string_view chart_library() {
  return between(axs_chart_js_begin, axs_chart_js_end);
}
std::string_view land_rings() {
  return between(axs_land_begin, axs_land_end);
}

}  // namespace axs::report
