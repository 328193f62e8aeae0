#include "axs/net/seal.h"

#include <benchmark/benchmark.h>

using namespace axs;
using namespace axs::net;

namespace {

/// What libcrypto alone does on the same packets is the limit; the rest is ours: header, nonce,
/// parsing, replay window, choice of the key.
constexpr std::size_t plain_size = 1400;
/// More packets than the first-level cache holds, as from a real socket.
constexpr std::size_t batch = 64;
const Envelope envelope{SiteId{1}, SiteId{2}, {}};
const std::size_t packet_size = Sealer::packet_size(envelope, plain_size);

struct Packets {
  ByteVector plain = ByteVector(plain_size, 7);
  std::vector<ByteVector> sealed{batch, ByteVector(packet_size)};
};

void report(benchmark::State& state) {
  const double bits =
      8.0 * static_cast<double>(plain_size * batch) * static_cast<double>(state.iterations());
  state.counters["Gb/s"] = benchmark::Counter(bits / 1e9, benchmark::Counter::kIsRate);
}

Nonce96 nonce_of(std::uint64_t number) {
  Nonce96 nonce{};
  for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<std::uint8_t>(number >> 8 * i);
  return nonce;
}

void libcrypto_seal(benchmark::State& state) {
  Packets packets;
  Aead aead{Key256{1}};
  std::uint64_t number = 0;
  for (auto _ : state)
    for (auto& packet : packets.sealed)
      aead.seal(nonce_of(number++), ByteView{packet}.subspan(1, 23), packets.plain,
                std::span{packet}.subspan(24));
  report(state);
}

void sealer(benchmark::State& state) {
  Packets packets;
  Sealer sealer{Key256{1}, Direction::client_to_server};
  for (auto _ : state)
    for (auto& packet : packets.sealed)
      if (!sealer.seal(envelope, packets.plain, packet)) sealer.rekey();
  report(state);
}

/// Sealing is part of both loops, because a packet opens only once: "seal and open" over "libcrypto
/// seal and open" is the share of the limit.
void libcrypto_seal_open(benchmark::State& state) {
  Packets packets;
  Aead aead{Key256{1}};
  std::uint64_t number = 0;
  bool ok = true;
  for (auto _ : state) {
    for (std::size_t i = 0; i < batch; ++i)
      aead.seal(nonce_of(number + i), ByteView{packets.sealed[i]}.subspan(1, 23), packets.plain,
                std::span{packets.sealed[i]}.subspan(24));
    for (std::size_t i = 0; i < batch; ++i)
      ok &= aead.open(nonce_of(number + i), ByteView{packets.sealed[i]}.subspan(1, 23),
                      ByteView{packets.sealed[i]}.subspan(24), packets.plain);
    number += batch;
  }
  if (!ok) state.SkipWithError("a packet did not open");
  report(state);
}

void session_seal_open(benchmark::State& state) {
  Packets packets;
  SecureSession client{Key256{1}, Direction::client_to_server};
  SecureSession server{Key256{1}, Direction::server_to_client};
  bool ok = true;
  for (auto _ : state) {
    for (auto& packet : packets.sealed) ok &= client.seal(envelope, packets.plain, packet);
    for (const auto& packet : packets.sealed)
      ok &= server.open(Instant{}, *parse_packet(packet), packets.plain) == OpenVerdict::accepted;
  }
  if (!ok) state.SkipWithError("a packet did not open");
  report(state);
}

BENCHMARK(libcrypto_seal);
BENCHMARK(sealer);
BENCHMARK(libcrypto_seal_open);
BENCHMARK(session_seal_open);

}  // namespace
