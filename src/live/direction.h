#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "axs/core/rng.h"
#include "axs/live/latency_histogram.h"
#include "axs/live/packet_store.h"
#include "axs/live/port.h"
#include "axs/live/underlay_stats.h"
#include "axs/net/in_flight.h"
#include "axs/net/pipe.h"

namespace axs::live {

/// Who sends to whom over which link.
struct Route {
  std::string link;
  SiteId from;
  SiteId to;
};

/// The packets of one direction of a link: its pipe decides, the store holds the bytes, the far
/// port sends them.
class Direction {
 public:
  static constexpr Instant idle{INT64_MAX};

  Direction(Route route, net::Pipe pipe, PacketStore store, Rng corruption)
      : route_{std::move(route)},
        pipe_{std::move(pipe)},
        store_{std::move(store)},
        corruption_{corruption} {}

  const Route& route() const { return route_; }
  net::Pipe& pipe() { return pipe_; }
  /// Sets where the packets arrive and where they came from; both must outlive this object.
  void connect(Port& near, Port& far) {
    near_ = &near;
    far_ = &far;
  }

  /// `arrived` should not go back; one that does counts as the latest before it.
  void admit(Instant arrived, ByteView packet);
  /// When the next packet is due; `idle` if none.
  Instant next_due() const { return flying_.empty() ? idle : flying_.front().released_at; }
  /// Sends the packets due by `now`, at most some thousand; `clock()` is read after each send.
  template <class Clock>
  void release(Instant now, Clock&& clock) {
    for (int batch = 0; batch < batches_max; ++batch) {
      const std::size_t n = gather(now);
      if (n == 0) return;
      send(n);
      const Instant after = clock();
      for (std::size_t i = 0; i < n; ++i) settle(after);
    }
  }
  void cut(Instant now);

  DirectionStats stats() const;
  const LatencyHistogram& error() const { return error_; }

 private:
  static constexpr std::size_t batch_max = 128;
  static constexpr int batches_max = 16;

  std::size_t gather(Instant now);
  void send(std::size_t n);
  void settle(Instant sent_at);

  Route route_;
  net::Pipe pipe_;
  PacketStore store_;
  Rng corruption_;
  net::InFlight<PacketStore::Token> flying_;
  Port* near_{};
  Port* far_{};
  std::array<ByteView, batch_max> batch_;
  Instant latest_arrival_{INT64_MIN};
  LatencyHistogram error_;
  std::uint64_t sent_{};
  std::uint64_t no_memory_{};
  std::uint64_t no_peer_{};
  std::uint64_t refused_{};
};

ReleaseError summary(const LatencyHistogram& histogram);

}  // namespace axs::live
