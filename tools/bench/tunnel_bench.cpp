// tunnel_bench loopback | veth SENDER RECEIVER: what live::SealedLink carries per second of
// processor time, sender and receiver apart, beside sockets alone and libcrypto alone. One JSON
// object per line; tools/bench/tunnel starts it and prints the medians. SENDER and RECEIVER are
// network namespaces with the addresses 10.77.1.1 and 10.77.1.2.

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <ctime>
#include <string_view>
#include <thread>

#include "axs/core/rng.h"
#include "axs/host/clock.h"
#include "axs/live/sealed_link.h"

namespace {

using namespace axs;
using namespace axs::live;

constexpr int repetitions = 7;
constexpr Duration run_time = milliseconds(800);
constexpr std::size_t packet_bytes = 1'472, packets_per_train = 44;
/// Far more often than two minutes or 2^23 packets ask for.
constexpr std::uint64_t packets_per_key = 50'000;
const Key256 secret{1, 2, 3};

/// What a real sender does while its window is full, and a receiver whose queue is empty.
void nap() {
  const timespec beat{0, 100'000};
  nanosleep(&beat, nullptr);
}

Instant now() {
  return Instant{monotonic_ns()};
}

/// Payloads whose every byte follows from their number, which they begin with.
class Pattern {
 public:
  Pattern() {
    Rng rng{1};
    for (auto& byte : bytes_) byte = static_cast<std::uint8_t>(rng.below(256));
  }
  void write(std::uint64_t number, std::span<std::uint8_t> payload) const {
    std::memcpy(payload.data(), &number, sizeof number);
    std::memcpy(payload.data() + sizeof number, from(number), payload.size() - sizeof number);
  }
  bool matches(ByteView payload) const {
    std::uint64_t number;
    if (payload.size() < sizeof number) return false;
    std::memcpy(&number, payload.data(), sizeof number);
    return std::memcmp(payload.data() + sizeof number, from(number),
                       payload.size() - sizeof number) == 0;
  }

 private:
  const std::uint8_t* from(std::uint64_t number) const { return &bytes_[number % 8'192]; }
  std::array<std::uint8_t, 8'192 + SealedLink::packet_max> bytes_;
};

/// The two ends of a wire.
struct Ends {
  DatagramSocket sender, receiver;
};

/// Trains as they are, unencrypted.
struct BareSender {
  Ends& ends;
  std::vector<std::uint8_t> train = std::vector<std::uint8_t>(packet_bytes * packets_per_train, 7);
  std::uint64_t packets = 0, bytes = 0, refused = 0;

  void send() {
    if (ends.sender.send(ends.receiver.local(), {train, packet_bytes}) != Sent::taken)
      refused += packets_per_train;
    packets += packets_per_train;
    bytes += train.size();
  }
};
struct BareReceiver {
  Ends& ends;
  DatagramBuffer buffer{};
  std::uint64_t packets = 0, bytes = 0, wrong = 0;

  std::size_t receive() {
    ends.receiver.receive(buffer);
    for (const Datagram& datagram : buffer.datagrams) {
      bytes += datagram.train.bytes.size();
      packets += (datagram.train.bytes.size() + packet_bytes - 1) / packet_bytes;
    }
    return buffer.datagrams.size();
  }
  std::uint64_t drops() const { return ends.receiver.kernel_drops(); }
};

/// All that SealedLink does; with a pattern every byte is written and compared as well.
struct SealedSender {
  SealedLink& link;
  const Pattern* pattern;
  DatagramBuffer buffer{};
  std::uint64_t packets = 0, bytes = 0, refused = 0;

  void send() {
    for (const std::uint64_t trains = link.counters().trains; link.counters().trains == trains;) {
      const auto room = link.room();
      if (pattern != nullptr) pattern->write(packets, room);
      if (!link.commit(room.size())) std::abort();
      bytes += room.size();
      if (++packets % packets_per_key == 0) link.session().request_rekey();
    }
    refused = link.counters().refused;
    // The peer's words come seldom: to look for them once in a while is enough.
    if (link.counters().trains % 16 == 0) link.receive(now(), buffer, [](ByteView) {});
  }
};
struct SealedReceiver {
  SealedLink& link;
  const Pattern* pattern;
  DatagramBuffer buffer{};
  std::uint64_t packets = 0, bytes = 0, wrong = 0, batches = 0;

  std::size_t receive() {
    link.receive(now(), buffer, [this](ByteView payload) {
      ++packets;
      bytes += payload.size();
      if (pattern != nullptr && !pattern->matches(payload)) ++wrong;
    });
    // As an acknowledgement would; without it the sender could not change its keys.
    if (++batches % 64 == 0 && link.commit(8)) link.flush();
    return buffer.datagrams.size();
  }
  std::uint64_t drops() const { return link.kernel_drops(); }
};

struct Outcome {
  double send_gbps, receive_gbps;  ///< Per second of each thread's processor time.
};

/// One thread sends as fast as the window lets it, the other one receives, for `run_time`.
template <class Sender, class Receiver>
Outcome measure(Sender& sender, Receiver& receiver, std::uint64_t window) {
  std::atomic<std::uint64_t> received = 0;
  std::atomic<bool> sending = true;
  double send_cpu = 0, receive_cpu = 0;
  std::thread receiving{[&] {
    const double start = host::thread_processor_time().seconds();
    for (int quiet = 0; sending || quiet < 100;) {
      quiet = receiver.receive() == 0 ? quiet + 1 : 0;
      received = receiver.bytes;
      if (quiet > 0) nap();
    }
    receive_cpu = host::thread_processor_time().seconds() - start;
  }};
  const double start = host::thread_processor_time().seconds();
  const Instant end = now() + run_time;
  while (now() < end) sender.bytes - received > window ? nap() : sender.send();
  send_cpu = host::thread_processor_time().seconds() - start;
  sending = false;
  receiving.join();
  const auto gbps = [](std::uint64_t bytes, double cpu) {
    return 8e-9 * static_cast<double>(bytes) / cpu;
  };
  return {gbps(sender.bytes, send_cpu), gbps(receiver.bytes, receive_cpu)};
}

template <class Sender, class Receiver>
void print(std::string_view what, const Outcome& outcome, const Sender& sender,
           const Receiver& receiver) {
  fmt::print(
      "{{\"what\":\"{}\",\"send\":{:.2f},\"receive\":{:.2f},\"sent\":{},\"refused\":{},"
      "\"received\":{},\"kernel_drops\":{},\"wrong\":{}}}\n",
      what, outcome.send_gbps, outcome.receive_gbps, sender.packets, sender.refused,
      receiver.packets, receiver.drops(), receiver.wrong);
}

/// What may be under way without a drop: the kernel counts its own structures too.
std::uint64_t window_of(const DatagramSocket& socket) {
  int bytes = 0;
  socklen_t size = sizeof bytes;
  (void)getsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUF, &bytes, &size);
  return static_cast<std::uint64_t>(bytes) / 8;
}

SealedLink sealed_link(DatagramSocket socket, Endpoint peer, net::Direction direction) {
  const bool client = direction == net::Direction::client_to_server;
  const SiteId self{client ? 1U : 2U}, other{client ? 2U : 1U};
  return {std::move(socket), net::SecureSession{secret, direction},
          SealedLink::Config{.peer = peer, .envelope = {self, other, {}}}};
}

/// Runs both ends until each knows how wide the path is.
void find_mtu(SealedLink& a, SealedLink& b) {
  DatagramBuffer buffer;
  a.open(now());
  b.open(now());
  while (!a.mtu().complete() || !b.mtu().complete())
    for (SealedLink* link : {&a, &b}) {
      link->receive(now(), buffer, [](ByteView) {});
      if (*link->wakeup() <= now()) link->wake(now());
    }
}

void run_sealed(Ends ends, std::string_view what, const Pattern* pattern) {
  const std::uint64_t window = window_of(ends.receiver);
  const Endpoint from = ends.sender.local(), to = ends.receiver.local();
  SealedLink client = sealed_link(std::move(ends.sender), to, net::Direction::client_to_server);
  SealedLink server = sealed_link(std::move(ends.receiver), from, net::Direction::server_to_client);
  const Instant start = now();
  find_mtu(client, server);
  fmt::print("{{\"what\":\"mtu\",\"size\":{},\"probes\":{},\"ms\":{:.1f}}}\n",
             client.mtu().packet_size(), client.counters().probes, (now() - start).seconds() * 1e3);
  SealedSender sender{client, pattern};
  SealedReceiver receiver{server, pattern};
  print(what, measure(sender, receiver, window), sender, receiver);
  fmt::print("{{\"what\":\"epochs\",\"count\":{}}}\n", client.session().epoch());
}

/// Opens a socket in a network namespace, or here if it has no name.
Result<DatagramSocket> open_in(const std::string& name, Endpoint local) {
  if (name.empty()) return DatagramSocket::open(local, "tunnel_bench");
  Result<DatagramSocket> opened = Error{Errc::unavailable, "namespace " + name + ": not entered"};
  std::thread{[&] {
    const host::Fd space{::open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC)};
    if (setns(space.get(), CLONE_NEWNET) == 0) opened = DatagramSocket::open(local, name);
  }}.join();
  return opened;
}

struct Place {
  std::string sender, receiver;  ///< Namespaces.
  net::IpAddress sender_address{}, receiver_address{};
};

Ends open_ends(const Place& place) {
  auto sender = open_in(place.sender, {place.sender_address, 0});
  auto receiver = open_in(place.receiver, {place.receiver_address, 0});
  for (const auto* end : {&sender, &receiver})
    if (!*end) {
      fmt::print(stderr, "tunnel_bench: {}\n", end->error().what);
      std::exit(1);
    }
  return {*std::move(sender), *std::move(receiver)};
}

/// libcrypto on the same packets, sealed where they lie: an initialisation vector each, no key.
void run_crypto() {
  constexpr std::size_t header = net::OuterHeader::fixed_size, rounds = 10'000;
  constexpr std::size_t plain = packet_bytes - header - Aead::tag_size;
  std::vector<std::uint8_t> train(packet_bytes * packets_per_train, 7);
  Aead aead{secret};
  Nonce96 nonce{};
  std::uint64_t number = 0;
  const auto each_packet = [&](const auto& work) {
    for (std::size_t i = 0; i < packets_per_train; ++i) {
      std::memcpy(nonce.data() + 4, &number, sizeof number);
      ++number;
      const auto packet = std::span{train}.subspan(i * packet_bytes, packet_bytes);
      work(ByteView{packet}.subspan(1, header - 1), packet.subspan(header));
    }
  };
  std::array<double, 2> cpu{};
  for (std::size_t round = 0; round < rounds; ++round) {
    const double start = host::thread_processor_time().seconds();
    each_packet([&](ByteView head, std::span<std::uint8_t> body) {
      aead.seal(nonce, head, body.first(plain), body);
    });
    const double sealed = host::thread_processor_time().seconds();
    number -= packets_per_train;
    each_packet([&](ByteView head, std::span<std::uint8_t> body) {
      if (!aead.open(nonce, head, body, body.first(plain))) std::abort();
    });
    cpu[0] += sealed - start;
    cpu[1] += host::thread_processor_time().seconds() - sealed;
  }
  const double gigabits = 8e-9 * static_cast<double>(rounds * packets_per_train * (plain - 1));
  fmt::print("{{\"what\":\"crypto\",\"send\":{:.2f},\"receive\":{:.2f}}}\n", gigabits / cpu[0],
             gigabits / cpu[1]);
}

int run_place(const Place& place) {
  const Pattern pattern;
  for (int i = 0; i < repetitions; ++i) {
    run_crypto();
    Ends ends = open_ends(place);
    BareSender sender{ends};
    BareReceiver receiver{ends};
    print("bare", measure(sender, receiver, window_of(ends.receiver)), sender, receiver);
    run_sealed(open_ends(place), "tunnel", nullptr);
    run_sealed(open_ends(place), "verified", &pattern);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "loopback") return run_place({});
  if (mode == "veth" && argc == 4)
    return run_place(
        {argv[2], argv[3], net::IpAddress::v4(0x0a4d0101), net::IpAddress::v4(0x0a4d0102)});
  fmt::print(stderr, "tunnel_bench: want loopback or veth SENDER RECEIVER\n");
  return 2;
}
