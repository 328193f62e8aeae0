#include "axs/config/elements.h"

#include <utility>

#include "axs/config/omm.h"
#include "axs/config/text_file.h"
#include "axs/orbit/sgp4.h"

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

Result<UsableElements> usable_elements(std::vector<orbit::ElementSet> sets,
                                       const std::string& source) {
  UsableElements usable;
  for (orbit::ElementSet& set : sets) {
    const auto prepared = orbit::prepare(set.elements);
    if (!prepared && usable.left_out++ == 0)
      usable.why = "satellite " + orbit::name_of(set) + ": " + prepared.error().what;
    if (prepared) usable.sets.push_back(std::move(set));
  }
  if (usable.sets.empty())
    return Error{Errc::invalid, source + ": no orbit can be propagated; the first: " + usable.why};
  return usable;
}

Result<UsableElements> read_usable_elements(const std::string& file) {
  const std::string text = AXS_TRY(read_text_file(file, "orbital elements", elements_file_max));
  return usable_elements(AXS_TRY(parse_elements(text, file)), file);
}

}  // namespace axs::config
