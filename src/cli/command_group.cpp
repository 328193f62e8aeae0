#include "axs/cli/command_group.h"

#include <CLI/CLI.hpp>

namespace axs::cli {

void CommandGroup::declare(CLI::App& app) {
  app.require_subcommand(1);
  app.footer(footer());
  for (const auto& part : parts_) {
    CLI::App* sub = app.add_subcommand(part->name(), part->summary());
    part->declare(*sub);
    sub->callback([this, one = part.get()] { chosen_ = one; });
  }
}

}  // namespace axs::cli
