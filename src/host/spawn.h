#pragma once

#include <sys/types.h>

#include "axs/host/process.h"

namespace axs::host {

/// fork() and exec() as the options say; returns once the program runs. The caller reaps it.
/// Errors name the step that failed. Used by Child::spawn().
Result<pid_t> spawn_process(const SpawnOptions& options);

}  // namespace axs::host
