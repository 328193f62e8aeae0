#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "axs/twin/twin.h"
#include "axs/twin/worker_time.h"

namespace axs::twin {

using MessageKey = std::pair<net::TrafficClass, std::uint64_t>;

/// A file that a site receives.
struct ReceivedFile {
  fabric::TransferOffer offer{};
  std::uint64_t held = 0;                            ///< on the disk, from its beginning on
  std::map<std::uint64_t, std::uint64_t> waiting{};  ///< in memory: by offset, the end
};

/// What the world holds of one site.
struct Twin::SiteState {
  std::optional<fabric::Site> policy;  ///< None while the agent is dead.
  std::shared_ptr<Worker> worker;
  std::optional<RingModel> ring{};  ///< It instead, where sync is "every-step".
  std::uint32_t incarnation = 0;
  std::map<SiteId, TunnelEnd> tunnels{};
  std::vector<train::AgreementRecord> disk{};
  std::set<Hash256> store{};
  std::map<fabric::TransferId, ReceivedFile> received{};
  WorkerTime time{};
  std::optional<Instant> woken_at{};  ///< the earliest wakeup that is scheduled
  bool finished = false;
  Instant progress_noted{};
  /// What the record will say of the syncs that the worker is merging.
  std::map<train::SyncId, catalog::SyncApplied> merging{};
  /// What this site has sent and its peers have not acknowledged, by receiver.
  std::map<SiteId, std::map<MessageKey, fabric::SiteMessage>> held;
};

}  // namespace axs::twin
