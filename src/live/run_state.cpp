#include "axs/live/run_state.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace axs::live {

namespace {

/// The steps from each version of the database to the next; PRAGMA user_version counts those that
/// have been taken. A step is never changed once a program with it has left this repository.
constexpr std::array migrations{// A database of before user_version has these tables already.
                                R"(
  CREATE TABLE IF NOT EXISTS number (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS process (
    name TEXT PRIMARY KEY, pid INTEGER NOT NULL, start_time INTEGER NOT NULL, boot BLOB NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS fault (
    number INTEGER PRIMARY KEY, began INTEGER NOT NULL, ended INTEGER, done TEXT NOT NULL
  ) STRICT;
)",
                                // The version was a row of this table.
                                "DELETE FROM number WHERE name = 'version';"};

}  // namespace

/// A prepared statement and what goes with it.
class RunState::Statement {
 public:
  Statement(const RunState& state, const char* sql) : state_{state} {
    failed_ = sqlite3_prepare_v2(state.database_.get(), sql, -1, &statement_, nullptr) != SQLITE_OK;
  }
  Statement(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(statement_); }

  Statement& bind(std::int64_t value) {
    failed_ |= sqlite3_bind_int64(statement_, ++bound_, value) != SQLITE_OK;
    return *this;
  }
  Statement& bind(std::optional<Instant> value) {
    if (value) return bind(value->ns);
    failed_ |= sqlite3_bind_null(statement_, ++bound_) != SQLITE_OK;
    return *this;
  }
  Statement& bind(const std::string& value) {
    failed_ |= sqlite3_bind_text(statement_, ++bound_, value.data(), static_cast<int>(value.size()),
                                 SQLITE_TRANSIENT) != SQLITE_OK;
    return *this;
  }
  Statement& bind(const std::array<std::uint8_t, 16>& value) {
    failed_ |= sqlite3_bind_blob(statement_, ++bound_, value.data(), static_cast<int>(value.size()),
                                 SQLITE_TRANSIENT) != SQLITE_OK;
    return *this;
  }

  /// True if there is another row.
  Result<bool> step() {
    const int code = failed_ ? SQLITE_ERROR : sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return state_.error("state");
  }
  Result<> run() {
    (void)AXS_TRY(step());
    return Ok{};
  }
  std::int64_t number(int column) const { return sqlite3_column_int64(statement_, column); }
  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::string text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }
  std::array<std::uint8_t, 16> blob(int column) const {
    std::array<std::uint8_t, 16> bytes{};
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    if (size > 0)
      std::memcpy(bytes.data(), sqlite3_column_blob(statement_, column),
                  std::min(size, bytes.size()));
    return bytes;
  }

 private:
  const RunState& state_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
  bool failed_ = false;
};

void RunState::Close::operator()(sqlite3* database) const {
  sqlite3_close(database);
}

Error RunState::error(const char* what) const {
  const int code = sqlite3_errcode(database_.get());
  const Errc kind = code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? Errc::corrupt
                    : code == SQLITE_FULL                           ? Errc::exhausted
                                                                    : Errc::unavailable;
  return {kind, path_ + ": " + what + ": " + sqlite3_errmsg(database_.get())};
}

Result<> RunState::execute(const char* sql) {
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return error("set-up");
  return Ok{};
}

Result<RunState> RunState::open(const std::string& path) {
  RunState state{path};
  sqlite3* database = nullptr;
  const int opened = sqlite3_open(path.c_str(), &database);
  state.database_.reset(database);
  if (opened != SQLITE_OK) return state.error("open");
  AXS_TRY(state.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"));
  AXS_TRY(state.migrate());
  return state;
}

/// Each step is taken with its count, or not at all.
Result<> RunState::migrate() {
  auto version = AXS_TRY(this->version());
  if (version > migrations.size())
    return Error{Errc::invalid, path_ + ": version " + std::to_string(version) + ", want at most " +
                                    std::to_string(migrations.size()) +
                                    "; go on with the program that wrote it"};
  for (; version < migrations.size(); ++version) {
    const std::string step = std::string{"BEGIN IMMEDIATE; "} + migrations[version] +
                             " PRAGMA user_version = " + std::to_string(version + 1) + "; COMMIT;";
    if (auto taken = execute(step.c_str()); !taken) {
      sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
      return taken;
    }
  }
  return Ok{};
}

Result<std::uint64_t> RunState::version() const {
  Statement query{*this, "PRAGMA user_version"};
  (void)AXS_TRY(query.step());
  return static_cast<std::uint64_t>(query.number(0));
}

Result<std::int64_t> RunState::number(const char* key, std::int64_t otherwise) const {
  Statement query{*this, "SELECT value FROM number WHERE name = ?"};
  return AXS_TRY(query.bind(std::string{key}).step()) ? query.number(0) : otherwise;
}

Result<> RunState::note_number(const char* key, std::int64_t value) {
  return Statement{*this, "INSERT OR REPLACE INTO number (name, value) VALUES (?, ?)"}
      .bind(std::string{key})
      .bind(value)
      .run();
}

Result<RunState::Phase> RunState::phase() const {
  const auto running = static_cast<std::int64_t>(Phase::running);
  return AXS_TRY(number("phase", running)) == running ? Phase::running : Phase::finished;
}

Result<> RunState::note_phase(Phase phase) {
  return note_number("phase", static_cast<std::int64_t>(phase));
}

Result<std::uint64_t> RunState::next_term() {
  const std::int64_t term = AXS_TRY(number("term", 0)) + 1;
  AXS_TRY(note_number("term", term));
  return static_cast<std::uint64_t>(term);
}

Result<Instant> RunState::clock() const {
  return Instant{AXS_TRY(number("clock", 0))};
}

Result<> RunState::note_clock(Instant now) {
  return note_number("clock", now.ns);
}

Result<std::optional<host::ProcessIdentity>> RunState::process(const std::string& name) const {
  Statement query{*this, "SELECT pid, start_time, boot FROM process WHERE name = ?"};
  if (!AXS_TRY(query.bind(name).step())) return std::optional<host::ProcessIdentity>{};
  return std::optional{host::ProcessIdentity{static_cast<std::int32_t>(query.number(0)),
                                             static_cast<std::uint64_t>(query.number(1)),
                                             query.blob(2)}};
}

Result<> RunState::note_process(const std::string& name, const host::ProcessIdentity& identity) {
  return Statement{*this,
                   "INSERT OR REPLACE INTO process (name, pid, start_time, boot)"
                   " VALUES (?, ?, ?, ?)"}
      .bind(name)
      .bind(std::int64_t{identity.pid})
      .bind(static_cast<std::int64_t>(identity.start_time))
      .bind(identity.boot)
      .run();
}

Result<std::map<std::uint32_t, RunState::Fault>> RunState::faults() const {
  std::map<std::uint32_t, Fault> faults;
  Statement query{*this, "SELECT number, began, ended, done FROM fault"};
  while (AXS_TRY(query.step())) {
    Fault fault{Instant{query.number(1)}, std::nullopt, query.text(3)};
    if (!query.is_null(2)) fault.ended = Instant{query.number(2)};
    faults.emplace(static_cast<std::uint32_t>(query.number(0)), std::move(fault));
  }
  return faults;
}

Result<> RunState::note_fault(std::uint32_t number, const Fault& fault) {
  return Statement{*this,
                   "INSERT OR REPLACE INTO fault (number, began, ended, done)"
                   " VALUES (?, ?, ?, ?)"}
      .bind(std::int64_t{number})
      .bind(fault.began.ns)
      .bind(fault.ended)
      .bind(fault.done)
      .run();
}

}  // namespace axs::live
