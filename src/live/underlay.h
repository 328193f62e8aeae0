#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "axs/catalog/link_forecast.h"
#include "axs/core/id.h"
#include "axs/core/result.h"
#include "axs/core/time.h"
#include "axs/live/port.h"
#include "axs/live/underlay_stats.h"
#include "axs/net/pipe.h"

namespace axs::live {

struct UnderlayDirection {
  net::PipeConfig pipe;
  catalog::LinkForecast forecast{};  ///< Empty: the pipe's own delay.
};

/// A link between two sites. In socket mode an agent at `a` sends to the port of `a_end` and
/// receives from it, as though that port were the agent at `b`; and the reverse.
struct UnderlayLink {
  LinkId id;
  std::string name;
  SiteId a;
  SiteId b;
  UnderlayDirection forth{};  ///< From a to b.
  UnderlayDirection back{};
  UdpEnd a_end{};
  UdpEnd b_end{};
  /// In TUN mode: what each site is called on this link alone, where several join the same two.
  /// Packets to such an address take this link. Empty: none.
  std::string a_address{};
  std::string b_address{};
};

/// A site in TUN mode: a network namespace ("axs-...") with a device of this address, through which
/// it reaches every site that a link joins it to; over the first of several such links.
struct TunSite {
  SiteId site;
  std::string netns;
  std::string address;
};

/// The changes that an emulator takes while it runs. `from` chooses the direction that leaves
/// that site; none means both.
struct SetPipe {
  LinkId link;
  std::optional<SiteId> from;
  net::PipeConfig pipe;
};
struct SetForecast {
  LinkId link;
  std::optional<SiteId> from;
  catalog::LinkForecast forecast;
};
struct CutLink {
  LinkId link;
  std::optional<SiteId> from;
};
struct HealLink {
  LinkId link;
  std::optional<SiteId> from;
};
using UnderlayCommand = std::variant<SetPipe, SetForecast, CutLink, HealLink>;

struct TimedCommand {
  Instant at;
  UnderlayCommand command;
};

enum class Precision { best, ordinary };

struct UnderlayConfig {
  std::vector<UnderlayLink> links;
  std::vector<TunSite> tun_sites{};  ///< Empty: socket mode, which needs no privilege.
  std::uint64_t seed = 1;
  /// What CLOCK_MONOTONIC reads at the epoch of the run; none: when the emulator opens.
  std::optional<Instant> epoch{};
  Duration idle_exit{};                    ///< Ends after so long without a packet; 0: never.
  std::size_t memory_bytes = 512UL << 20;  ///< For the packets in flight, all links together.
  std::vector<TimedCommand> script{};      ///< In order of time; needs no controller.
  Precision precision = Precision::best;
};

/// The user-space emulator: every packet between two sites goes through the net::Pipe of its
/// direction and is handed over when the pipe says. One thread; no packet is allocated or queued
/// outside the memory given. It depends on no other process and measures its own lateness.
class Underlay {
 public:
  /// Opens all ports, so that an error (bad parameter, port in use, privilege missing) comes first.
  static Result<std::unique_ptr<Underlay>> open(UnderlayConfig config);
  ~Underlay();
  Underlay(const Underlay&) = delete;
  Underlay& operator=(const Underlay&) = delete;

  /// Emulates on this thread until stop() or until idle; once per object.
  UnderlayStats run();

  /// From any thread. Commands take effect in the order they were posted. One that names a link or
  /// a direction that does not exist, or parameters that make no sense, is an error here.
  Result<> post(UnderlayCommand command);
  /// From any thread, before, while or after it runs.
  UnderlayStats stats();
  /// From any thread or signal handler.
  void stop() noexcept;

  /// The UDP port that faces `site` on a link, in socket mode.
  std::uint16_t port(LinkId link, SiteId site) const;

 private:
  class Engine;
  explicit Underlay(std::unique_ptr<Engine> engine);
  std::unique_ptr<Engine> engine_;
};

/// Opens, runs until `stop` is requested or it has been idle for the configured time, and returns
/// the final stats.
Result<UnderlayStats> run_underlay(UnderlayConfig config, std::stop_token stop);

/// The same for a process of its own: until SIGTERM or SIGINT. Namespaces and devices that it made
/// are gone when it returns.
Result<UnderlayStats> run_underlay_until_signal(UnderlayConfig config);

}  // namespace axs::live
