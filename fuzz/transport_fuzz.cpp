// A peer that has the keys and says what it likes: packets for a Transport, each in the form in
// which the tunnel hands it over, with time passing between them.
#include "any_value.h"
#include "axs/net/transport.h"
#include "target.h"

namespace axs::fuzz {
namespace {

using namespace net;

constexpr ReceiveWindow window{.bytes = 50'000, .messages = 8};

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> all;
  Rng rng{1};
  for (int i = 0; i < 100; ++i) {
    ByteVector& input = all.emplace_back();
    for (std::uint64_t packets = 1 + rng.below(6); packets > 0; --packets) {
      auto packet = any_value<Packet>(rng);
      packet.from = packet.to = 1;
      packet.path = {};
      packet.number = rng.below(20);
      input.push_back(static_cast<std::uint8_t>(rng.below(256)));
      Pieces::append(input, to_wire(packet));
    }
  }
  return all;
}

/// Every byte that is delivered has been stored or rebuilt, and what is stored or rebuilt lies in
/// its message.
void check(const std::vector<Transport::Action>& actions, std::uint64_t& stored) {
  for (const auto& action : actions) {
    if (const auto* piece = std::get_if<Stored>(&action)) {
      AXS_ASSERT(std::uint64_t{piece->offset} + piece->length <= piece->total);
      stored += piece->length;
    }
    if (const auto* rebuilt = std::get_if<Rebuilt>(&action)) {
      AXS_ASSERT(rebuilt->block.fits(rebuilt->total));
      AXS_ASSERT(rebuilt->lost.size() == rebuilt->repairs.size());
    }
    if (const auto* whole = std::get_if<Deliver>(&action)) {
      AXS_ASSERT(whole->total <= stored);
      stored -= whole->total;
    }
  }
}

void run(ByteView input) {
  Transport transport{{.window = window}};
  std::vector<Transport::Action> actions;
  Instant now = Instant{} - seconds(3);
  std::uint64_t stored = 0;
  const auto step = [&](const Transport::Event& event) {
    actions.clear();
    const std::uint64_t before = transport.rebuilt_bytes();
    transport.step(now, event, actions);
    stored += transport.rebuilt_bytes() - before;
    check(actions, stored);
  };
  step(PathUp{PathId{0}});
  step(RouteSet{TrafficClass::bulk, PathId{0}, PathId{1}});
  step(SendMessage{TrafficClass::bulk, 1, 10'000});
  Pieces pieces{input};
  while (!pieces.empty()) {
    now = now + microseconds(std::int64_t{1} << pieces.take() % 24);
    if (const auto at = transport.wakeup(); at && *at <= now) step(Wakeup{});
    const auto packet = from_wire<Packet>(pieces.next(), "packet");
    if (packet) step(PacketReceived{*packet});
  }
}

}  // namespace

const Target target{
    .seeds = seeds, .mutations = 30'000, .memory_base = 1 << 20, .memory_per_byte = 512};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  axs::fuzz::run({data, size});
  return 0;
}
