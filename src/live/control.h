#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "axs/host/loop.h"
#include "axs/live/local_socket.h"
#include "axs/net/routing.h"

/// What the processes of a run on one machine tell each other, over a Unix socket of an agent or of
/// the emulator. Whoever may open the socket may say it: the run's folder is its owner's.
namespace axs::live {

/// Compute so many times slower than you could; 1 ends it. Holds for later workers too.
struct SlowWorker {
  double factor = 1;
};
/// Kill your worker, as SIGKILL does.
struct KillWorker {};
/// I am the controller: send me all reports, and take my orders.
struct ControllerHere {
  std::uint64_t term{};
};
using ToAgent = std::variant<SlowWorker, KillWorker, ControllerHere, net::RouteOrder>;

/// What has been merged over all sites so far. Said to everyone at once and at each change.
struct MergedSoFar {
  std::uint64_t tokens{};
};
using FromAgent = std::variant<MergedSoFar, net::LinkReport>;

/// The end that serves: whoever connects may send records and is sent records.
class ControlServer {
 public:
  using PeerNumber = std::uint64_t;
  struct Callbacks {
    std::function<void(PeerNumber)> connected;
    /// An error ends the connection.
    std::function<Result<>(PeerNumber, ByteView record)> record;
    std::function<void(PeerNumber)> gone;
  };

  static Result<std::unique_ptr<ControlServer>> open(host::Loop& loop, const std::string& path,
                                                     Callbacks callbacks);
  ControlServer(const ControlServer&) = delete;
  ~ControlServer();

  /// A peer that does not read what it is sent is given up.
  void send(PeerNumber peer, ByteView record);
  void send_all(ByteView record);

 private:
  ControlServer(host::Loop& loop, LocalListener listener, Callbacks callbacks);
  void accept_all();
  void receive_all(PeerNumber peer);
  void drop(PeerNumber peer);

  host::Loop& loop_;
  LocalListener listener_;
  Callbacks callbacks_;
  std::map<PeerNumber, LocalSocket> peers_;
  PeerNumber next_ = 1;
};

/// The end that asks: connects as soon as somebody serves, and again after each end of that.
class ControlClient {
 public:
  static constexpr Duration retry_after = milliseconds(100);
  struct Callbacks {
    std::function<void()> connected;
    /// An error ends the connection.
    std::function<Result<>(ByteView record)> record;
    std::function<void()> lost;
  };

  ControlClient(host::Loop& loop, std::string path, Callbacks callbacks);
  ControlClient(const ControlClient&) = delete;
  ~ControlClient();

  bool connected() const { return socket_.has_value(); }
  /// False if nobody serves now: nothing is queued.
  bool send(ByteView record);

 private:
  void try_connect();
  void retry_later();
  void receive_all();
  void lose();

  host::Loop& loop_;
  std::string path_;
  Callbacks callbacks_;
  std::optional<LocalSocket> socket_;
  std::optional<host::TimerId> retry_;
};

}  // namespace axs::live
