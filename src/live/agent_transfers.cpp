#include <algorithm>

#include "axs/fabric/story.h"
#include "axs/live/agent.h"

/// What an agent does for the bulk transfers from and to its site.
namespace axs::live {

using fabric::Site;

Result<> Agent::open_transfers() {
  const auto& transfers = config_.scenario.transfers;
  const bool concerned = std::ranges::any_of(transfers, [this](const auto& transfer) {
    return transfer.from == config_.site || transfer.to == config_.site;
  });
  if (!concerned) return Ok{};
  transfers_ = AXS_TRY(TransferFiles::start({.folder = config_.folder + "/received",
                                             .transfers = transfers,
                                             .seed = config_.scenario.seed}));
  return loop_->watch(transfers_->fd(), host::Interest::readable,
                      [this](host::Ready) { hear_transfers(); });
}

void Agent::hear_transfers() {
  for (TransferAnswer& answer : transfers_->take()) {
    if (const auto* broken = std::get_if<fabric::TransferBroken>(&answer.event))
      note(fabric::transfer_failed(config_.scenario, broken->transfer, answer.reason));
    std::visit([&](const auto& event) { happen(event, std::move(answer.bytes)); }, answer.event);
  }
  end_if_done();
}

void Agent::perform(const fabric::TransferBegan& action) {
  note(fabric::told(config_.scenario, action));
}

void Agent::perform(const fabric::TransferProgressed& action) {
  note(fabric::told(config_.scenario, action));
}

void Agent::perform(const fabric::TransferDone& action) {
  note(fabric::told(config_.scenario, action));
  end_if_done();
}

void Agent::perform(const fabric::TransferRefused& action) {
  note(fabric::told(config_.scenario, action));
  end_if_done();
}

bool Agent::reachable(SiteId peer) const {
  const auto paths = peer_paths_.find(peer);
  return paths != peer_paths_.end() && std::any_of(paths->second.begin(), paths->second.end(),
                                                   [](const auto& path) { return path.second; });
}

/// A transfer may still come to its end: its other end can be reached.
bool Agent::transfer_under_way() const {
  return std::ranges::any_of(config_.scenario.transfers, [this](const auto& transfer) {
    if (transfer.from != config_.site && transfer.to != config_.site) return false;
    const SiteId peer = transfer.from == config_.site ? transfer.to : transfer.from;
    // The last word on it may still be on its way.
    return reachable(peer) && (site_.transfers().under_way(peer) || messages_.held(peer) > 0);
  });
}

}  // namespace axs::live
