#include "axs/config/elements.h"

#include "axs/config/omm.h"
#include "axs/config/text_file.h"

namespace axs::config {

namespace {

/// Over a hundred thousand satellites.
constexpr std::uint64_t elements_file_max = 64u << 20;

}  // namespace

Result<std::vector<orbit::ElementSet>> parse_elements(std::string_view text,
                                                      std::string_view source) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin != std::string_view::npos && (text[begin] == '[' || text[begin] == '{'))
    return parse_omm_json(text, source);
  if (text.substr(0, text.find('\n')).find("MEAN_MOTION") != std::string_view::npos)
    return parse_omm_csv(text, source);
  return orbit::parse_tle(text, source);
}

Result<std::vector<orbit::ElementSet>> read_elements(const std::string& file) {
  return parse_elements(AXS_TRY(read_text_file(file, "orbital elements", elements_file_max)), file);
}

}  // namespace axs::config
