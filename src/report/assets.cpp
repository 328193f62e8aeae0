#include "axs/report/assets.h"

#include "axs/core/take_in.h"

AXS_TAKE_IN(axs_page_css, AXS_PAGE "/page.css");
AXS_TAKE_IN(axs_page_js, AXS_PAGE "/page.js");
AXS_TAKE_IN(axs_chart_js, AXS_CHART);
AXS_TAKE_IN(axs_land, AXS_LAND);

namespace axs::report {
std::string_view style_sheet() {
  return taken_in(axs_page_css_begin, axs_page_css_end);
}
std::string_view page_script() {
  return taken_in(axs_page_js_begin, axs_page_js_end);
}
std::string_view chart_library() {
  return taken_in(axs_chart_js_begin, axs_chart_js_end);
}
std::string_view land_rings() {
  return taken_in(axs_land_begin, axs_land_end);
}

}  // namespace axs::report
