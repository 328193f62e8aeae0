#pragma once

#include <map>
#include <string>

#include "axs/catalog/facts.h"
#include "axs/core/result.h"
#include "axs/host/fd.h"

namespace axs::live {

/// Appends facts to events.jsonl, each line with one write, so that a killed process leaves whole
/// lines.
///
/// Its size is bounded. Of a measurement that is repeated (of a worker, a link, a route, a
/// transfer) one is written only after `series_points`-th of the run's time has passed since the
/// one before, so that such a series grows with the logarithm of the time. Past half of `size_max`
/// none is written at all, and past all of it only what says how the run ended.
class EventLog {
 public:
  static constexpr std::uint64_t size_max = 256u << 20;
  static constexpr std::int64_t series_points = 2'000;

  /// Goes on behind what is there; a line that a full disk tore is ended first.
  static Result<EventLog> open(const std::string& path);

  Result<> write(const catalog::FactOrigin& origin, const catalog::Fact& fact);
  /// Facts that were not written, for their repetition or the size.
  std::uint64_t left_out() const { return left_out_; }

 private:
  EventLog(std::string path, host::Fd file, std::uint64_t size)
      : path_{std::move(path)}, file_{std::move(file)}, size_{size} {}
  bool wanted(Instant at, const catalog::Fact& fact);

  std::string path_;
  host::Fd file_;
  std::uint64_t size_;
  std::map<std::string, Instant> series_;  ///< When the last of each was written.
  std::uint64_t left_out_ = 0;
};

/// The number that follows the last sync whose SyncApplied that log holds; 0 if there is none, or
/// no log.
std::uint64_t syncs_noted(const std::string& path);

}  // namespace axs::live
