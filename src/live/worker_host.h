#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "axs/host/channel.h"
#include "axs/host/loop.h"
#include "axs/host/process.h"
#include "axs/train/worker_protocol.h"

namespace axs::live {

using WorkerChannel = host::Channel<train::ToWorker, train::FromWorker>;

/// A worker that runs, and the channel to it.
struct WorkerConnection {
  WorkerChannel channel;
  /// A child process; or, for a worker that is none, something readable once it has ended.
  std::variant<host::Child, host::Fd> process;
};

/// Readable once it has ended.
int ended_fd(const WorkerConnection& worker);
/// Of one that has ended: "killed by signal 9 (SIGKILL)".
std::string how_it_ended(WorkerConnection& worker);

/// Starts a worker anew. Called again after each one that was lost.
using WorkerLauncher = std::function<Result<WorkerConnection>()>;

struct WorkerCommand {
  std::vector<std::string> arguments;  ///< [0] is the path of the program.
  std::string log;                     ///< Its output is appended to it.
  std::size_t ring_bytes = std::size_t{64} << 20;
  int nice = 10;
};

/// Starts it as a child that dies with us, with two arguments appended: the rings' inherited
/// descriptors, in the form of host::parse_ring_fds(), first the one in which the worker sends.
WorkerLauncher launch_process(WorkerCommand command);

/// What the worker of a site is told first. `data`: the corpus, empty for the default one; the
/// worker's state goes into a folder in `site_folder`.
train::Begin begin_of(const catalog::Scenario& scenario, SiteId site, const std::string& data,
                      const std::string& site_folder);

/// Keeps one worker running: starts it, starts another when it ends, ever later if it keeps ending,
/// and carries messages both ways without ever waiting.
class WorkerHost {
 public:
  static constexpr Duration restart_first = milliseconds(200);
  static constexpr Duration restart_max = seconds(10);

  /// All are called from the loop. An error from `message` ends this worker.
  struct Callbacks {
    std::function<void(std::int32_t pid)> started;
    std::function<Result<>(const train::FromWorker&, ByteView blob)> message;
    std::function<void(const std::string& reason)> lost;
  };

  WorkerHost(host::Loop& loop, WorkerLauncher launch, Callbacks callbacks);
  WorkerHost(const WorkerHost&) = delete;
  ~WorkerHost();

  void start();
  /// Sent as soon as there is room. Nothing happens while no worker runs.
  void send(train::ToWorker message, ByteVector blob = {});
  /// Asks it to save and end; no other is started.
  void quit();
  /// Ends it as SIGKILL does, by its pidfd; another is started. Nothing happens to one that is no
  /// process.
  void kill();
  bool running() const { return connection_.has_value(); }

 private:
  struct Queued {
    train::ToWorker message;
    ByteVector blob;
  };

  void adopt(WorkerConnection connection);
  void receive_all();
  void send_queued();
  void lose(const std::string& reason);
  void restart_later();

  host::Loop& loop_;
  WorkerLauncher launch_;
  Callbacks callbacks_;
  std::optional<WorkerConnection> connection_;
  std::deque<Queued> queue_;
  std::optional<host::TimerId> restart_;
  Duration restart_after_ = restart_first;
  Instant started_at_;
  bool quitting_ = false;
};

}  // namespace axs::live
