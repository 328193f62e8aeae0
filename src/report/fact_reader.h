#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "axs/catalog/facts.h"
#include "axs/core/result.h"
#include "axs/record/history.h"

/// Reads events.jsonl. Whatever a crash or a full disk left in it is passed over and counted, never
/// an error.
namespace axs::report {

/// The fact of one line, or nothing if the line is torn, is no fact, or is of a newer version.
/// Fields that the line lacks, as those of an earlier version do, have their
/// defaults.
std::optional<catalog::Noted> read_fact(std::string_view line);

/// Whole lines out of pieces of a file that somebody is still writing.
class FactStream {
 public:
  /// The facts of the lines that this piece ends.
  std::vector<catalog::Noted> feed(std::string_view piece);
  /// Lines passed over so far; a last one that is not ended is none.
  std::uint64_t ignored() const { return ignored_; }
  /// The greatest version that a line claimed.
  std::uint64_t version() const { return version_; }

 private:
  std::string partial_;
  std::uint64_t ignored_ = 0;
  std::uint64_t version_ = 0;
};

/// All that a run's folder says: its own events.jsonl and those under sites/.
struct RunLogs {
  std::vector<record::Log> logs;
  std::uint64_t ignored = 0;  ///< lines
};

/// Error if there is no folder, no events.jsonl in it, or one of a newer version.
Result<RunLogs> read_run(const std::string& folder);

}  // namespace axs::report
