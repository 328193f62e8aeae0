// Handshake segments that anyone on the wire may send: to the stream that puts them in order, and
// to the policies of both ends.
#include "any_value.h"
#include "axs/net/tunnel.h"
#include "target.h"

namespace axs::fuzz {
namespace {

using namespace net;

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> all;
  Rng rng{1};
  for (int i = 0; i < 100; ++i) {
    ByteVector& input = all.emplace_back();
    for (std::uint64_t segments = 1 + rng.below(8); segments > 0; --segments) {
      input.push_back(static_cast<std::uint8_t>(rng.below(256)));
      auto segment = any_value<HandshakeSegment>(rng);
      segment.data.resize(rng.below(40));
      Pieces::append(input, to_wire(segment));
    }
  }
  return all;
}

class End {
 public:
  End(SiteId local, SiteId peer, std::optional<TlsRole> role = {})
      : policy_{{.local = local, .peer = peer, .incarnation = {2}, .role = role}} {
    step({}, OpenTunnel{});
  }
  void step(Duration at, const TunnelEvent& event) {
    actions_.clear();
    policy_.step(Instant{} + at, event, actions_);
    for (const auto& action : actions_)
      if (const auto* fed = std::get_if<FeedTls>(&action)) fed_ += fed->bytes.size();
    AXS_ASSERT(policy_.phase() != TunnelPhase::up);  // Nobody has finished a handshake.
  }

 private:
  TunnelPolicy policy_;
  std::vector<TunnelAction> actions_;
  std::size_t fed_ = 0;
};

void run(ByteView input) {
  HandshakeStream stream;
  (void)stream.write(ByteVector(3'000));
  End client{SiteId{1}, SiteId{2}}, server{SiteId{2}, SiteId{1}};
  End newcomer{SiteId{2}, SiteId{1}, TlsRole::client}, desk{SiteId{1}, SiteId{2}, TlsRole::server};
  std::uint32_t in_order = 0;
  Duration now{};
  Pieces pieces{input};
  while (!pieces.empty()) {
    const std::uint8_t how = pieces.take();
    now += microseconds(std::int64_t{1} << how % 26);
    const auto segment = from_wire<HandshakeSegment>(pieces.next(), "segment");
    if (!segment) continue;
    in_order += static_cast<std::uint32_t>(stream.receive(segment->offset, segment->data).size());
    AXS_ASSERT(in_order == stream.received() && in_order <= HandshakeStream::limit);
    (void)stream.acknowledge(segment->acknowledged);
    for (End* end : {&client, &server, &newcomer, &desk}) {
      end->step(now, SegmentArrived{*segment});
      end->step(now, Wakeup{});
    }
  }
}

}  // namespace

const Target target{
    .seeds = seeds, .mutations = 50'000, .memory_base = 1 << 20, .memory_per_byte = 64};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  axs::fuzz::run({data, size});
  return 0;
}
