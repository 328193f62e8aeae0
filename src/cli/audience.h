#pragma once

#include <cstdio>

#include "axs/cli/terminal.h"
#include "axs/live/launcher.h"

namespace axs::cli {

/// Ends the run, as Ctrl-C does, once nobody is there to see what it does. A reader of the results
/// alone that leaves early, as in `axs run … | head -1`, does not concern it.
class Audience {
 public:
  void look(live::Launcher& launcher) {
    if (left_ || !reader_is_gone(stderr)) return;
    left_ = true;
    launcher.interrupt();
  }

 private:
  bool left_ = false;
};

}  // namespace axs::cli
