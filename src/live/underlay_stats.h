#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "axs/core/id.h"
#include "axs/live/scheduling.h"
#include "axs/net/pipe.h"

namespace axs::live {

/// By how much packets were handed over later than they were due. The quantiles are read from
/// buckets 6 % wide.
struct ReleaseError {
  std::uint64_t packets{};
  Duration p50{};
  Duration p99{};
  Duration max{};
  Duration sum{};
};

/// One direction of a link. What the pipe delivered is in flight, refused, unaddressed, or sent;
/// what found no memory was offered to no pipe.
struct DirectionStats {
  std::string link;
  SiteId from;
  SiteId to;
  net::PipeCounters pipe;
  std::uint64_t sent{};
  std::uint64_t in_flight{};
  std::uint64_t no_memory{};  ///< The packet store was full: the emulator's fault, not the link's.
  std::uint64_t no_peer{};    ///< Due before anybody was heard from on the far side.
  std::uint64_t refused{};    ///< The kernel took no more on the far side.
  std::uint64_t kernel_dropped{};  ///< Lost in the near socket before the emulator read them.
  ReleaseError error;
};

struct UnderlayStats {
  Scheduling scheduling = Scheduling::ordinary;
  Duration ran{};
  Duration cpu{};            ///< Processor time of the emulator's thread.
  std::uint64_t no_route{};  ///< Packets to an address that no link leads to.
  ReleaseError error{};      ///< Over all directions.
  std::vector<DirectionStats> directions{};
};

/// The stats as one JSON object; durations in microseconds.
std::string to_json(const UnderlayStats& stats);

}  // namespace axs::live
