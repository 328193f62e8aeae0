// A whole site and the controller, told anything by peers that have the keys: hellos, packets, and
// messages that arrived whole. A site may be told lies; it must not break by them.
#include "any_value.h"
#include "axs/fabric/site.h"
#include "axs/net/controller.h"
#include "target.h"

namespace axs::fuzz {
namespace {

using fabric::Site;

using Message = std::variant<net::Hello, net::HelloReply, fabric::SiteMessageBody, net::Packet>;

net::Topology triangle() {
  return *net::Topology::make({SiteId{0}, SiteId{1}, SiteId{2}},
                              {{LinkId{0}, SiteId{0}, SiteId{1}, milliseconds(40), {}, {}},
                               {LinkId{1}, SiteId{0}, SiteId{2}, milliseconds(50), {}, {}},
                               {LinkId{2}, SiteId{1}, SiteId{2}, milliseconds(60), {}, {}}});
}

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> all;
  Rng rng{1};
  for (int i = 0; i < 300; ++i) {
    ByteVector& input = all.emplace_back();
    for (std::uint64_t messages = 1 + rng.below(8); messages > 0; --messages) {
      input.push_back(static_cast<std::uint8_t>(rng.below(256)));
      auto message = any_value<Message>(rng);
      if (auto* packet = std::get_if<net::Packet>(&message)) packet->from = packet->to = 1;
      Pieces::append(input, to_wire(message));
    }
  }
  return all;
}

/// Passes on what the input says, as the world would.
class World {
 public:
  void hear(SiteId from, const Message& message) {
    std::visit([&](const auto& held) { take(from, held); }, message);
  }
  void pass(Duration time) {
    now_ = now_ + time;
    if (const auto at = site_.wakeup(); at && *at <= now_) step(Wakeup{});
  }

 private:
  void take(SiteId from, const net::Hello& hello) { step(Site::PeerHello{from, {hello, {}}}); }
  void take(SiteId from, const net::HelloReply& reply) {
    step(Site::PeerHelloReply{from, {reply, {}}});
  }
  void take(SiteId from, const net::Packet& packet) { step(Site::PeerPacket{from, packet}); }
  void take(SiteId from, const fabric::SiteMessageBody& body) {
    const fabric::TransferPiece* piece = fabric::piece_of(body);
    step(Site::PeerMessage{from, {body, std::nullopt, piece ? piece->size : 0}});
  }
  void step(const Site::Event& event) {
    std::vector<Site::Action> actions;
    site_.step(now_, event, actions);
    std::vector<net::Controller::Action> orders;
    for (const auto& action : actions) {
      if (const auto* report = std::get_if<Site::ReportToController>(&action))
        controller_.step(now_, net::ReportReceived{report->report}, orders);
      if (const auto* open = std::get_if<fabric::OpenTransfer>(&action))
        step(fabric::TransferOpened{open->transfer, 100'000'000, {}});
      if (const auto* accept = std::get_if<fabric::AcceptTransfer>(&action))
        step(fabric::TransferHeld{accept->offer.transfer, accept->offer.content, 0});
    }
  }

  Instant now_ = Instant{} - seconds(100);
  net::Controller controller_{{.topology = triangle()}};
  Site site_{
      {.incarnation = 1,
       .topology = triangle(),
       .home = SiteId{0},
       .sync =
           train::SiteSync::Config{
               .self = SiteId{0},
               .sites = 3,
               .budget = {.tokens = 100'000, .tokens_per_step = 256, .fragments = 2, .period = 20},
               .records = {},
               .stored = {}},
       .transfers = {{SiteId{0}, SiteId{1}, "model", "", 100'000'000, Duration{}},
                     {SiteId{1}, SiteId{0}, "notes", "", 100'000'000, Duration{}}}},
      now_};
};

void run(ByteView input) {
  World world;
  Pieces pieces{input};
  while (!pieces.empty()) {
    const std::uint8_t how = pieces.take();
    world.pass(microseconds(std::int64_t{1} << how % 22));
    const auto message = from_wire<Message>(pieces.next(), "message");
    if (message) world.hear(SiteId{1 + how / 128u}, *message);
  }
}

}  // namespace

const Target target{
    .seeds = seeds, .mutations = 15'000, .memory_base = 4 << 20, .memory_per_byte = 2 << 10};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  axs::fuzz::run({data, size});
  return 0;
}
