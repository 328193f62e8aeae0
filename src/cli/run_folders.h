#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "axs/catalog/scenario.h"
#include "axs/core/result.h"
#include "axs/core/time.h"

namespace axs::cli {

/// A folder that a run has left.
struct RunEntry {
  enum class State { running, unfinished, finished, damaged };

  std::string id;
  std::string scenario{};  ///< Empty if the plan cannot be read.
  Duration started{};      ///< Unix time of its start, or of its last resumption.
  std::uint64_t bytes{};
  State state = State::damaged;
};

/// The runs in a folder, in the order of their names; a folder without a plan is none.
std::vector<RunEntry> runs_in(const std::string& folder);

/// What the runs of a folder may take before somebody should clear it up.
inline constexpr std::uint64_t quota_bytes = std::uint64_t{10} << 30;
inline constexpr std::size_t quota_runs = 20;
/// What a person should know of the runs that are there before one more begins, or nothing.
std::string quota_note(const std::vector<RunEntry>& runs, const std::string& folder);

/// What a run will have written when it is at its largest: workers' states, contributions that not
/// every site has merged, the model, journals, records and logs. An estimate, on the large side.
std::uint64_t disk_need(const catalog::Scenario& scenario);
/// Errc::exhausted if the disk has less room than that where `folder` is, or will be made.
Result<> check_room(const std::string& folder, const catalog::Scenario& scenario);

/// Which runs may go. Only those that have finished or are damaged: one that can still be resumed
/// goes by its name alone.
struct Removal {
  std::vector<RunEntry> removed;
  std::size_t spared = 0;  ///< Chosen, but not finished.
};
/// All but the newest `keep`.
Removal beyond_newest(std::vector<RunEntry> runs, std::size_t keep);
/// All that started before `limit`.
Removal older_than(const std::vector<RunEntry>& runs, Duration limit);

}  // namespace axs::cli
