#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "axs/core/result.h"
#include "axs/core/time.h"
#include "axs/host/process.h"

struct sqlite3;

namespace axs::live {

/// What a later life of `axs run` must know of the run, in state.db (SQLite, WAL): whatever is
/// noted is on the disk when the call returns.
class RunState {
 public:
  enum class Phase { running, finished };

  /// A fault of the scenario that has begun. `ended` stays empty for what happens in an instant.
  struct Fault {
    Instant began;
    std::optional<Instant> ended{};
    std::string done{};  ///< What was done, one sentence.
  };

  /// Opens or makes it; one of an older version is brought to this one. Errc::corrupt if it is no
  /// such file, Errc::invalid if a newer version made it.
  static Result<RunState> open(const std::string& path);

  Result<Phase> phase() const;
  Result<> note_phase(Phase phase);

  /// Greater than every term that it ever gave.
  Result<std::uint64_t> next_term();

  /// The latest time of the run that was noted.
  Result<Instant> clock() const;
  Result<> note_clock(Instant now);

  Result<std::optional<host::ProcessIdentity>> process(const std::string& name) const;
  Result<> note_process(const std::string& name, const host::ProcessIdentity& identity);

  /// By their place in the scenario.
  Result<std::map<std::uint32_t, Fault>> faults() const;
  Result<> note_fault(std::uint32_t number, const Fault& fault);

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  class Statement;
  explicit RunState(std::string path) : path_{std::move(path)} {}
  Result<> execute(const char* sql);
  Result<> migrate();
  Result<std::uint64_t> version() const;
  Result<std::int64_t> number(const char* key, std::int64_t otherwise) const;
  Result<> note_number(const char* key, std::int64_t value);
  Error error(const char* what) const;

  std::string path_;
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace axs::live
