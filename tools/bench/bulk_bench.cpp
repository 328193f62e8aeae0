// bulk_bench emulate SCENE sockets|tun: the emulator of one scene, until SIGTERM; then its stats.
// bulk_bench transfer SCENE sockets|tun SECONDS: net::Transport over sealed sockets through that
// emulator, bulk as fast as it goes and a control message every 50 ms; one JSON object at the end.
// For tools/bench/bulk.

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <thread>

#include "axs/core/rng.h"
#include "axs/host/clock.h"
#include "axs/live/sealed_link.h"
#include "axs/net/repair_store.h"
#include "bulk_scenes.h"

namespace {

using namespace axs;
using namespace axs::bench;
using namespace axs::live;

constexpr std::uint64_t message_bytes = 16U << 20;
constexpr std::uint64_t messages_queued = 3;
constexpr std::uint64_t control_bytes = 200;
constexpr Duration control_every = milliseconds(50);
/// Before it nothing is counted: the keys, the packet size and the rates are found.
constexpr Duration warm_up = seconds(3);

/// Of this run only: what an earlier one left under way in the emulator does not open.
Key256 fresh_secret() {
  Rng rng{static_cast<std::uint64_t>(monotonic_ns())};
  Key256 secret{};
  for (auto& byte : secret) byte = static_cast<std::uint8_t>(rng.below(256));
  return secret;
}

/// The bytes of all messages: message n begins n bytes further on.
class Pattern {
 public:
  Pattern() : bytes_(message_bytes + 4096) {
    Rng rng{1};
    for (auto& byte : bytes_) byte = static_cast<std::uint8_t>(rng.below(256));
  }
  const std::uint8_t* of(std::uint64_t message) const { return &bytes_[message % 4096]; }

 private:
  std::vector<std::uint8_t> bytes_;
};

struct Books {
  std::uint64_t bulk_bytes = 0;  ///< Stored after the warm-up.
  std::uint64_t messages = 0;
  std::uint64_t wrong = 0;
  std::vector<double> control_ms{};
  double cpu = 0;
};

/// When each control message was asked for; written by one thread, read by the other.
struct ControlTimes {
  std::array<std::atomic<std::int64_t>, 8192> sent_ns{};
};

/// One of the two agents, on a thread of its own.
class End {
 public:
  struct Options {
    std::uint32_t side;
    const Pattern& pattern;
    ControlTimes& control;
    Instant start;
    Duration lasting;
  };
  End(const Options& options, std::vector<SealedLink> links)
      : options_{options}, links_{std::move(links)}, sizes_(links_.size()) {}

  void run() {
    const double before = host::thread_processor_time().seconds();
    prctl(PR_SET_TIMERSLACK, 1);
    begin();
    while (now_ < options_.start + options_.lasting) {
      wait();
      now_ = Instant{monotonic_ns()};
      receive();
      feed();
      if (const auto at = transport_.wakeup(); at && *at <= now_) step(Wakeup{});
      for (auto& link : links_) link.flush();
    }
    books_.cpu = host::thread_processor_time().seconds() - before;
  }
  const Books& books() const { return books_; }
  const net::Transport& transport() const { return transport_; }
  const std::vector<SealedLink>& links() const { return links_; }

 private:
  void begin() {
    now_ = Instant{monotonic_ns()};
    std::vector<net::PathId> all;
    for (std::uint8_t i = 0; i < links_.size(); ++i) {
      links_[i].open(now_);
      all.push_back({i});
      step(net::PathUp{{i}});
    }
    step(net::RouteSet{net::TrafficClass::control, {0}, {}});
    step(net::RouteSet{net::TrafficClass::bulk, {0}, {}});
    if (all.size() > 1) step(net::SpreadSet{net::TrafficClass::bulk, all});
  }

  void wait() {
    std::array<pollfd, 4> fds{};
    Instant next = now_ + milliseconds(5);
    if (const auto at = transport_.wakeup()) next = std::min(next, *at);
    for (std::size_t i = 0; i < links_.size(); ++i) {
      fds[i] = {links_[i].fd(), POLLIN, 0};
      if (const auto at = links_[i].wakeup()) next = std::min(next, *at);
    }
    const std::int64_t left = std::max(next.ns - monotonic_ns(), std::int64_t{0});
    const timespec patience{0, left};
    ppoll(fds.data(), links_.size(), &patience, nullptr);
  }

  void receive() {
    for (std::size_t i = 0; i < links_.size(); ++i) {
      if (const auto at = links_[i].wakeup(); at && *at <= now_) links_[i].wake(now_);
      links_[i].receive(now_, buffer_,
                        [&](ByteView payload) { take(payload, links_[i].waited()); });
      const auto size = static_cast<std::uint32_t>(links_[i].room().size());
      if (std::exchange(sizes_[i], size) != size)
        step(net::PacketSizeSet{{static_cast<std::uint8_t>(i)}, size});
    }
  }

  void take(ByteView payload, Duration waited) {
    WireReader reader{payload};
    reader.get(received_.packet);
    received_.waited = waited;
    payload_ = reader.bytes(reader.remaining());
    step(received_);
  }

  /// The sender keeps the transport busy.
  void feed() {
    if (options_.side != 0) return;
    while (transport_.unfinished(net::TrafficClass::bulk) < messages_queued)
      step(net::SendMessage{net::TrafficClass::bulk, next_bulk_++, message_bytes});
    if (now_ < control_at_) return;
    control_at_ = now_ + control_every;
    options_.control.sent_ns.at(next_control_) = now_.ns;
    step(net::SendMessage{net::TrafficClass::control, next_control_++, control_bytes});
  }

  void step(const net::Transport::Event& event) {
    actions_.clear();
    transport_.step(now_, event, actions_);
    for (const auto& action : actions_)
      std::visit([this](const auto& held) { perform(held); }, action);
  }

  static auto reader_of(const std::uint8_t* message) {
    return [message](net::Range range, auto&& take) {
      take(range.first, ByteView{message + range.first, range.size()});
    };
  }
  void perform(const net::Transmit& action) {
    SealedLink& link = links_[action.packet.path.value];
    record_.clear();
    WireWriter writer{record_};
    writer.put(action.packet);
    const auto room = link.room();
    AXS_ASSERT(action.size <= room.size());
    std::copy(record_.begin(), record_.end(), room.begin());
    std::size_t size = record_.size();
    for (const auto& frame : action.packet.frames) {
      const auto out = room.subspan(size, net::payload_size(frame));
      write_payload(frame, out);
      size += out.size();
    }
    if (!link.commit(size)) std::abort();
  }
  void write_payload(const net::Frame& frame, std::span<std::uint8_t> out) {
    if (const auto* data = std::get_if<net::DataFrame>(&frame))
      std::memcpy(out.data(), options_.pattern.of(data->message) + data->offset, data->length);
    const auto* repair = std::get_if<net::RepairFrame>(&frame);
    if (repair == nullptr) return;
    std::fill(out.begin(), out.end(), std::uint8_t{0});
    const auto total = repair->traffic == net::TrafficClass::bulk ? message_bytes : control_bytes;
    net::make_repair(*repair, total, out, reader_of(options_.pattern.of(repair->message)));
  }
  void perform(const net::Stored& action) {
    auto& bytes = partial(action.traffic, action.message, action.total).bytes;
    const std::uint8_t* from =
        payload_.data() + net::payload_offset(received_.packet, action.frame);
    const auto& data = std::get<net::DataFrame>(received_.packet.frames[action.frame]);
    std::memcpy(&bytes[action.offset], from + (action.offset - data.offset), action.length);
    count(action.traffic, action.length);
  }
  void perform(const net::RepairStored& action) {
    const auto from = payload_.subspan(net::payload_offset(received_.packet, action.frame));
    partial_[{action.traffic, action.message}].repairs.keep(action,
                                                            from.first(action.block.length));
  }
  void perform(const net::Rebuilt& action) {
    Partial& message = partial(action.traffic, action.message, action.total);
    message.repairs.rebuild(action, reader_of(message.bytes.data()),
                            [&](std::uint64_t offset, ByteView bytes) {
                              std::memcpy(&message.bytes[offset], bytes.data(), bytes.size());
                              count(action.traffic, bytes.size());
                            });
  }
  void perform(const net::Deliver& action) {
    const auto held = partial_.extract({action.traffic, action.message});
    const std::uint8_t* wanted = options_.pattern.of(action.message);
    ++books_.messages;
    if (std::memcmp(held.mapped().bytes.data(), wanted, action.total) != 0) ++books_.wrong;
    if (action.traffic == net::TrafficClass::control && now_ >= options_.start + warm_up)
      books_.control_ms.push_back(
          static_cast<double>(now_.ns - options_.control.sent_ns.at(action.message)) * 1e-6);
  }
  void perform(const net::Acknowledged&) {}
  void perform(const net::Discarded&) {}
  void perform(const net::PeerStarted&) {}
  void perform(const net::Refused&) { ++books_.wrong; }

  struct Partial {
    ByteVector bytes;
    net::RepairStore repairs;
  };
  Partial& partial(net::TrafficClass traffic, std::uint64_t id, std::size_t total) {
    Partial& message = partial_[{traffic, id}];
    message.bytes.resize(total);
    return message;
  }
  void count(net::TrafficClass traffic, std::size_t bytes) {
    if (traffic == net::TrafficClass::bulk && now_ >= options_.start + warm_up)
      books_.bulk_bytes += bytes;
  }

  Options options_;
  std::vector<SealedLink> links_;
  std::vector<std::uint32_t> sizes_;
  net::Transport transport_{net::Transport::Config{}};
  Instant now_{};
  Instant control_at_{};
  std::uint64_t next_bulk_ = 0;
  std::uint64_t next_control_ = 0;
  DatagramBuffer buffer_;
  net::PacketReceived received_;
  ByteView payload_;
  ByteVector record_;
  std::vector<net::Transport::Action> actions_;
  std::map<std::pair<net::TrafficClass, std::uint64_t>, Partial> partial_;
  Books books_;
};

/// Opens the socket of a link's end, in its namespace if it has one.
Result<DatagramSocket> open_socket(const LinkEnd& end, Mode mode) {
  if (mode == Mode::sockets) return DatagramSocket::open({.port = end.own_port()}, "bulk_bench");
  Result<DatagramSocket> opened = Error{Errc::unavailable, "namespace " + end.netns() + ": closed"};
  std::thread{[&] {
    const host::Fd space{::open(("/run/netns/" + end.netns()).c_str(), O_RDONLY | O_CLOEXEC)};
    if (!space || setns(space.get(), CLONE_NEWNET) != 0) return;
    opened = DatagramSocket::open({net::IpAddress::v4(0), end.own_port()}, end.netns());
  }}.join();
  return opened;
}

Result<std::vector<SealedLink>> open_links(const Scene& scene, Mode mode, const Key256& secret,
                                           std::uint32_t side) {
  std::vector<SealedLink> links;
  for (std::uint32_t i = 0; i < scene.links.size(); ++i) {
    const LinkEnd own{i, side}, other{i, 1 - side};
    const Endpoint emulator{.port = own.emulator_port()};
    const Endpoint device{net::IpAddress::v4(0x0a4e'0001 + (i << 8) + (1 - side)),
                          other.own_port()};
    const Endpoint peer = mode == Mode::sockets ? emulator : device;
    const auto direction =
        side == 0 ? net::Direction::client_to_server : net::Direction::server_to_client;
    links.emplace_back(
        AXS_TRY(open_socket(own, mode)), net::SecureSession{secret, direction},
        SealedLink::Config{.peer = peer, .envelope = {own.site(), other.site(), {}}});
  }
  return links;
}

void print(const Scene& scene, const End& sender, const End& receiver, Duration lasting) {
  auto control = receiver.books().control_ms;
  std::sort(control.begin(), control.end());
  const auto quantile = [&](double q) {
    return control.empty()
               ? -1
               : control[static_cast<std::size_t>(q * static_cast<double>(control.size() - 1))];
  };
  std::uint64_t sent = 0, lost = 0, spurious = 0, refused = 0, drops = 0;
  for (std::uint8_t i = 0; i < scene.links.size(); ++i) {
    const auto path = *sender.transport().statistics({i});
    sent += path.packets_sent;
    lost += path.packets_lost;
    spurious += path.packets_spurious;
    refused += sender.links()[i].counters().refused;
    drops += sender.links()[i].kernel_drops() + receiver.links()[i].kernel_drops();
  }
  const double counted = (lasting - warm_up).seconds();
  fmt::print(
      "{{\"mbps\":{:.2f},\"send_cpu\":{:.3f},\"receive_cpu\":{:.3f},\"sent\":{},\"lost\":{},"
      "\"spurious\":{},\"refused\":{},\"kernel_drops\":{},\"wrong\":{},\"messages\":{},"
      "\"control_p50\":{:.1f},\"control_p99\":{:.1f}}}\n",
      8e-6 * static_cast<double>(receiver.books().bulk_bytes) / counted,
      sender.books().cpu / lasting.seconds(), receiver.books().cpu / lasting.seconds(), sent, lost,
      spurious, refused, drops, sender.books().wrong + receiver.books().wrong,
      receiver.books().messages, quantile(0.5), quantile(0.99));
}

Result<> transfer(const Scene& scene, Mode mode, Duration lasting) {
  const Pattern pattern;
  const auto control = std::make_unique<ControlTimes>();
  const Key256 secret = fresh_secret();
  const Instant start{monotonic_ns()};
  const auto options = [&](std::uint32_t side) {
    return End::Options{side, pattern, *control, start, lasting};
  };
  End sender{options(0), AXS_TRY(open_links(scene, mode, secret, 0))};
  End receiver{options(1), AXS_TRY(open_links(scene, mode, secret, 1))};
  std::thread receiving{[&] { receiver.run(); }};
  sender.run();
  receiving.join();
  print(scene, sender, receiver, lasting);
  return Ok{};
}

Result<> emulate(const Scene& scene, Mode mode) {
  fmt::print("{}\n", to_json(AXS_TRY(run_underlay_until_signal(emulation(scene, mode)))));
  return Ok{};
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 3 ? argv[1] : "";
  const auto scene = find_scene(argc > 3 ? argv[2] : "");
  const Mode mode = argc > 3 && std::string_view{argv[3]} == "tun" ? Mode::tun : Mode::sockets;
  const int lasting = argc > 4 ? std::atoi(argv[4]) : 0;
  if (!scene || (what != "emulate" && (what != "transfer" || lasting <= 3 || lasting > 300))) {
    fmt::print(stderr,
               "bulk_bench: want emulate gigabit|both sockets|tun, or transfer "
               "gigabit|both sockets|tun SECONDS, which are 4 to 300\n");
    return 2;
  }
  const auto done =
      what == "emulate" ? emulate(*scene, mode) : transfer(*scene, mode, seconds(lasting));
  if (!done) fmt::print(stderr, "bulk_bench: {}\n", done.error().what);
  return done ? 0 : 1;
}
