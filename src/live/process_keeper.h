#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "axs/host/loop.h"
#include "axs/host/process.h"
#include "axs/live/run_state.h"

namespace axs::live {

/// The processes of a run that outlive whoever started them: they are found again by pid and start
/// time, or by the lock that each of them holds.
class ProcessKeeper {
 public:
  struct Program {
    std::string name;                    ///< "agent of sfo"
    std::vector<std::string> arguments;  ///< [0] is the path of the program.
    std::string log;                     ///< Its output is appended to it.
    std::string lock{};                  ///< The lock file that it holds while it runs; or none.
  };
  /// `exit` is empty for one that an earlier launcher had started. Called from the loop.
  using Ended = std::function<void(const std::string& name, std::optional<host::Exit> exit)>;

  ProcessKeeper(host::Loop& loop, RunState& state, Ended ended)
      : loop_{loop}, state_{state}, ended_{std::move(ended)} {}
  ProcessKeeper(const ProcessKeeper&) = delete;
  ~ProcessKeeper();

  /// Finds a process of an earlier launcher; false if there is none.
  Result<bool> attach(const Program& program);
  /// Its pid. The process goes on when this one ends.
  Result<std::int32_t> start(const Program& program);

  bool running(const std::string& name) const { return processes_.contains(name); }
  bool any_running() const { return !processes_.empty(); }
  std::int32_t pid(const std::string& name) const;
  /// Nothing happens if it does not run.
  void signal(const std::string& name, int number) const;
  void signal_all(int number) const;

 private:
  using Held = std::variant<host::Child, host::Process>;
  static const host::Process& process_of(const Held& held);

  Result<> adopt(const std::string& name, Held held);
  void note_end(const std::string& name);

  host::Loop& loop_;
  RunState& state_;
  Ended ended_;
  std::map<std::string, Held> processes_;
};

}  // namespace axs::live
