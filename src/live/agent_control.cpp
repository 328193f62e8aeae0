#include <algorithm>

#include "axs/live/agent.h"

/// What an agent does with the processes of its own machine that talk to it: the launcher, and at
/// the home site the controller.
namespace axs::live {

using fabric::Site;

Result<> Agent::serve_control() {
  ControlServer::Callbacks callbacks;
  callbacks.connected = [this](ControlServer::PeerNumber peer) {
    control_->send(peer, merged(site_.merged_tokens()));
  };
  callbacks.record = [this](ControlServer::PeerNumber peer, ByteView record) -> Result<> {
    const auto message = AXS_TRY(from_wire<ToAgent>(record, "control"));
    std::visit([&](const auto& held) { obey(peer, held); }, message);
    return Ok{};
  };
  callbacks.gone = [this](ControlServer::PeerNumber peer) { controllers_.erase(peer); };
  control_ =
      AXS_TRY(ControlServer::open(*loop_, control_path(config_.folder), std::move(callbacks)));
  return Ok{};
}

ByteVector Agent::merged(std::uint64_t tokens) {
  return to_wire(FromAgent{MergedSoFar{tokens}});
}

void Agent::obey(ControlServer::PeerNumber, const SlowWorker& order) {
  slow_ = order.factor;
  worker_->send(train::Slow{slow_});
}

void Agent::obey(ControlServer::PeerNumber, const KillWorker&) {
  worker_->kill();
}

void Agent::obey(ControlServer::PeerNumber peer, const ControllerHere& order) {
  controllers_.insert(peer);
  controller_term_ = std::max(controller_term_, order.term);
}

void Agent::obey(ControlServer::PeerNumber peer, const net::RouteOrder& order) {
  // One that was stopped for a while may not know that another has taken its place.
  if (controllers_.contains(peer) && order.fence.term >= controller_term_)
    happen(Site::ControllerOrder{order});
}

/// Each of several controllers learns from the reports that it has been superseded.
void Agent::perform(const Site::ReportToController& action) {
  const ByteVector record = to_wire(FromAgent{action.report});
  const auto controllers = controllers_;  // One that does not read is given up.
  for (const ControlServer::PeerNumber peer : controllers) control_->send(peer, record);
}

}  // namespace axs::live
