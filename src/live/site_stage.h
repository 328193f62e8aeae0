#pragma once

#include <string>

#include "axs/core/result.h"

namespace axs::live {

/// How far a site has come, kept in the file `stage` of its folder, so that a process started later
/// knows. concluded: all is merged and, if that is its task, evaluated and exported. finished:
/// its peers need nothing of it any more either, so that nobody starts its agent again.
enum class SiteStage { running, concluded, finished };

/// running if there is no file yet.
Result<SiteStage> load_stage(const std::string& site_folder);
/// On the disk when it returns.
Result<> save_stage(const std::string& site_folder, SiteStage stage);

}  // namespace axs::live
