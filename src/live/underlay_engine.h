#pragma once

#include <atomic>
#include <future>
#include <mutex>
#include <vector>

#include "axs/live/direction.h"
#include "axs/live/netns.h"
#include "axs/live/underlay.h"

namespace axs::live {

/// The loop behind Underlay. Everything but the mailbox belongs to the thread in run().
class Underlay::Engine {
 public:
  static Result<std::unique_ptr<Engine>> open(UnderlayConfig config);

  UnderlayStats run();
  Result<> post(UnderlayCommand command);
  UnderlayStats stats();
  void stop() noexcept;
  std::uint16_t port(LinkId link, SiteId site) const;

 private:
  /// A port, and which direction a packet from it takes: the one there is, or by its address.
  struct Ingress {
    struct Entry {
      std::uint32_t address;
      std::size_t direction;
    };
    Port* port;
    std::vector<Entry> routes;  ///< A single one in socket mode.
  };
  enum class Phase { ready, running, done };

  explicit Engine(UnderlayConfig config) : config_{std::move(config)} {}
  Result<> open_ports();
  Result<> open_waiting();
  Result<> open_sockets();
  Result<> open_tuns();
  void make_directions();
  Result<> check_script() const;

  Instant now() const;
  void release_due();
  void wait();
  Instant next_event() const;
  void arm(Instant at);
  void take_packets(Ingress& ingress);
  std::size_t direction_for(const Ingress& ingress, ByteView packet) const;
  void play_script();
  void take_mail();
  void apply(const UnderlayCommand& command);
  bool idle_too_long() const;
  Result<> check(const UnderlayCommand& command) const;
  UnderlayStats measure() const;

  UnderlayConfig config_;
  std::int64_t epoch_ns_{};
  std::vector<NetNamespace> namespaces_;  ///< Before the ports: a namespace outlives its device.
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<Ingress> ingresses_;
  std::vector<std::uint16_t> udp_ports_;  ///< Of link i: 2 i faces a, 2 i + 1 faces b.
  std::vector<Direction> directions_;     ///< Of link i: 2 i is forth, 2 i + 1 is back.
  ReceiveBuffer buffer_;
  host::Fd epoll_;
  host::Fd timer_;
  host::Fd wake_;
  Instant armed_ = Direction::idle;
  Instant rest_until_{};  ///< Not to be woken for a release before.
  Instant started_{};
  Instant last_packet_{};
  std::size_t script_cursor_{};
  std::uint64_t no_route_{};
  Scheduling scheduling_ = Scheduling::ordinary;

  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;  ///< Guards what follows.
  Phase phase_ = Phase::ready;
  std::vector<UnderlayCommand> mail_;
  std::vector<std::promise<UnderlayStats>> asked_;
  UnderlayStats final_;
};

}  // namespace axs::live
