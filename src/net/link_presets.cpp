#include "axs/net/link_presets.h"

#include <algorithm>
#include <utility>

namespace axs::net {

namespace {

constexpr std::int64_t packet_bytes = 1'500;

/// What the rate fills in `time`, and never less than a few packets.
std::int64_t buffer_of(BytesPerSecond rate, Duration time) {
  return std::max(16 * packet_bytes, static_cast<std::int64_t>(rate.value() * time.seconds()));
}

}  // namespace

PipeConfig fibre(Duration one_way, BytesPerSecond rate) {
  return {.delay = one_way,
          .rate = rate,
          .queue_bytes = buffer_of(rate, milliseconds(50)),
          .jitter = {.mean = microseconds(20), .max = milliseconds(1)},
          .loss = 1e-6};
}

PipeConfig leo(LeoTerminal terminal, Duration one_way, BytesPerSecond rate) {
  PipeConfig config{.delay = one_way,
                    .rate = rate,
                    .queue_bytes = buffer_of(rate, milliseconds(100)),
                    .jitter = {.mean = microseconds(900), .max = milliseconds(8)},
                    .loss = 1e-4,
                    .handover = {.period = seconds(15),
                                 .length = milliseconds(20),
                                 .loss = 0.5,
                                 .extra_delay = milliseconds(5)}};
  if (terminal == LeoTerminal::gateway) return config;
  config.queue_bytes = (terminal == LeoTerminal::consumer_up ? 500 : 50'000) * packet_bytes;
  config.loss = 0.015;
  config.handover.length = milliseconds(100);
  config.handover.extra_delay = milliseconds(40);
  return config;
}

PipeConfig measured(DelayTrace delays, CapacityTrace capacity) {
  PipeConfig config;
  config.queue_bytes = buffer_of(mean_rate(capacity), seconds(1));
  config.delays = std::move(delays);
  config.capacity = std::move(capacity);
  return config;
}

BytesPerSecond mean_rate(const CapacityTrace& capacity) {
  double sum = 0;
  for (const std::int64_t rate : capacity.bytes_per_second) sum += static_cast<double>(rate);
  return BytesPerSecond{sum / static_cast<double>(capacity.bytes_per_second.size())};
}

Duration mean_delay(const DelayTrace& delays) {
  double sum = 0;
  for (const Duration delay : delays.one_way) sum += delay.seconds();
  return from_seconds(sum / static_cast<double>(delays.one_way.size()));
}

}  // namespace axs::net
