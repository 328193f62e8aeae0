#include "axs/cli/link.h"

#include "axs/cli/link_create.h"
#include "axs/cli/link_state.h"

namespace axs::cli {

LinkCommand::LinkCommand() {
  parts_.push_back(std::make_unique<LinkCreateCommand>());
  parts_.push_back(std::make_unique<LinkJoinCommand>());
  parts_.push_back(std::make_unique<LinkMeetCommand>());
  parts_.push_back(std::make_unique<LinkLsCommand>());
  parts_.push_back(std::make_unique<LinkShowCommand>());
  parts_.push_back(std::make_unique<LinkStatsCommand>());
  parts_.push_back(std::make_unique<LinkStartCommand>());
  parts_.push_back(std::make_unique<LinkStopCommand>());
  parts_.push_back(std::make_unique<LinkRmCommand>());
  parts_.push_back(std::make_unique<LinkEndCommand>());
}

std::string LinkCommand::footer() const {
  return "Examples:\n"
         "  axs link create sfo fra --stretch 2.5 --rate 1Gb/s --tcp 8080:127.0.0.1:80\n"
         "  axs link ls\n"
         "  axs link show sfo-fra\n"
         "  axs link rm sfo-fra\n"
         "\n"
         "Sites are city codes such as sfo, fra, tyo, or latitude and longitude like "
         "37.77,-122.42.";
}

}  // namespace axs::cli
