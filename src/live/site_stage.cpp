#include "axs/live/site_stage.h"

#include "axs/core/enums.h"
#include "axs/host/file.h"

namespace axs::live {

namespace {

std::string path_in(const std::string& site_folder) {
  return site_folder + "/stage";
}

}  // namespace

Result<SiteStage> load_stage(const std::string& site_folder) {
  const auto text = host::read_file(path_in(site_folder), 32);
  if (!text && text.error().code == Errc::not_found) return SiteStage::running;
  if (!text) return text.error();
  const std::string_view name{reinterpret_cast<const char*>(text->data()), text->size()};
  for (const SiteStage stage : {SiteStage::running, SiteStage::concluded, SiteStage::finished})
    if (enum_name(stage) == name) return stage;
  return Error{Errc::corrupt, path_in(site_folder) + ": \"" + std::string{name} +
                                  "\", want running, concluded or finished"};
}

Result<> save_stage(const std::string& site_folder, SiteStage stage) {
  const std::string_view name = enum_name(stage);
  return host::write_file_atomically(
      path_in(site_folder), {reinterpret_cast<const std::uint8_t*>(name.data()), name.size()},
      host::FileAccess::everyone);
}

}  // namespace axs::live
