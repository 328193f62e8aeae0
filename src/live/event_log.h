#pragma once

#include <string>

#include "axs/catalog/facts.h"
#include "axs/core/result.h"
#include "axs/host/fd.h"

namespace axs::live {

/// Appends facts to events.jsonl, each line with one write, so that a killed process leaves whole
/// lines. Past half of `size_max` it leaves Progress out; past all of it, nothing more is written.
class EventLog {
 public:
  static constexpr std::uint64_t size_max = 256u << 20;

  /// Goes on behind what is there; a line that a full disk tore is ended first.
  static Result<EventLog> open(const std::string& path);

  Result<> write(const catalog::FactOrigin& origin, const catalog::Fact& fact);

 private:
  EventLog(std::string path, host::Fd file, std::uint64_t size)
      : path_{std::move(path)}, file_{std::move(file)}, size_{size} {}

  std::string path_;
  host::Fd file_;
  std::uint64_t size_;
};

/// The number that follows the last sync whose SyncApplied that log holds; 0 if there is none, or
/// no log.
std::uint64_t syncs_noted(const std::string& path);

}  // namespace axs::live
