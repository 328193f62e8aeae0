#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "axs/live/port.h"

namespace axs::live {

namespace {

constexpr int buffer_bytes = 16 * 1024 * 1024;
// Limits of one send with UDP_SEGMENT: the kernel's UDP_MAX_SEGMENTS and the largest UDP payload.
constexpr std::size_t segments_max = 64;
constexpr std::size_t payload_max = 65'000;
/// Below the ports that Linux gives to sockets that name none (ip_local_port_range, ip(7)).
constexpr std::uint16_t lasting_first = 16'384, lasting_count = 16'384;
constexpr int lasting_attempts = 100;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// As large as we are allowed to: the FORCE variant passes the system's limit, with privilege.
void enlarge(int fd, int force_option, int option) {
  if (setsockopt(fd, SOL_SOCKET, force_option, &buffer_bytes, sizeof buffer_bytes) != 0)
    (void)setsockopt(fd, SOL_SOCKET, option, &buffer_bytes, sizeof buffer_bytes);
}

std::int64_t nanoseconds_of(const timespec& t) {
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

std::int64_t read_clock(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return nanoseconds_of(t);
}

struct alignas(cmsghdr) Control {
  std::array<char, 128> bytes;
};

template <class T>
T control_value(const cmsghdr* header) {
  T value;
  std::memcpy(&value, CMSG_DATA(header), sizeof value);
  return value;
}

/// What the kernel says beside a datagram.
struct Ancillary {
  std::size_t segment{};  ///< 0: the datagram is one packet.
  std::uint32_t dropped{};
  std::int64_t arrived_ns{};  ///< On CLOCK_REALTIME; 0: not said.
};

Ancillary read_ancillary(msghdr& message) {
  Ancillary found;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
      found.segment = static_cast<std::size_t>(control_value<int>(c));
    else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL)
      found.dropped = control_value<std::uint32_t>(c);
    else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS)
      found.arrived_ns = nanoseconds_of(control_value<timespec>(c));
  }
  return found;
}

void split(ByteView datagram, std::size_t segment, std::int64_t arrived_ns,
           std::vector<Received>& packets) {
  if (segment == 0) segment = datagram.size();
  while (!datagram.empty()) {
    const std::size_t n = std::min(segment, datagram.size());
    packets.push_back({datagram.first(n), arrived_ns});
    datagram = datagram.subspan(n);
  }
}

/// How many packets from the front one send may carry: all of one size, only the last shorter.
std::size_t group_size(std::span<const ByteView> packets) {
  const std::size_t segment = packets.front().size();
  std::size_t n = 1;
  std::size_t total = segment;
  while (n < packets.size() && n < segments_max && packets[n - 1].size() == segment &&
         packets[n].size() <= segment && total + packets[n].size() <= payload_max)
    total += packets[n++].size();
  return n;
}

/// Messages for one sendmmsg, each a group of packets.
class SendBatch {
 public:
  static constexpr std::size_t messages_max = 16;

  explicit SendBatch(const sockaddr_in& to) : to_{to} {}

  /// Takes packets from the front; returns how many.
  std::size_t fill(std::span<const ByteView> packets) {
    std::size_t taken = 0;
    count_ = 0;
    while (count_ < messages_max && taken < packets.size()) {
      const std::size_t n = group_size(packets.subspan(taken));
      add(packets.subspan(taken, n));
      taken += n;
    }
    return taken;
  }

  /// Returns how many packets the kernel refused.
  std::size_t send(int fd) {
    std::size_t refused = 0;
    for (std::size_t done = 0; done < count_;) {
      const int n = sendmmsg(fd, &messages_[done], static_cast<unsigned>(count_ - done), 0);
      if (n > 0) done += static_cast<std::size_t>(n);
      if (n > 0 || errno == EINTR) continue;
      refused += messages_[done++].msg_hdr.msg_iovlen;
    }
    return refused;
  }

 private:
  void add(std::span<const ByteView> group) {
    auto& pieces = pieces_[count_];
    for (std::size_t i = 0; i < group.size(); ++i)
      pieces[i] = {const_cast<std::uint8_t*>(group[i].data()), group[i].size()};
    msghdr& header = messages_[count_].msg_hdr;
    header = {};
    header.msg_name = &to_;
    header.msg_namelen = sizeof to_;
    header.msg_iov = pieces.data();
    header.msg_iovlen = group.size();
    if (group.size() > 1) add_segment(header, static_cast<std::uint16_t>(group[0].size()));
    ++count_;
  }
  void add_segment(msghdr& header, std::uint16_t size) {
    header.msg_control = controls_[count_].bytes.data();
    header.msg_controllen = CMSG_SPACE(sizeof size);
    cmsghdr* control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = SOL_UDP;
    control->cmsg_type = UDP_SEGMENT;
    control->cmsg_len = CMSG_LEN(sizeof size);
    std::memcpy(CMSG_DATA(control), &size, sizeof size);
  }

  sockaddr_in to_;
  std::array<mmsghdr, messages_max> messages_;
  std::array<std::array<iovec, segments_max>, messages_max> pieces_;
  std::array<Control, messages_max> controls_;
  std::size_t count_{};
};

}  // namespace

std::int64_t monotonic_ns() {
  return read_clock(CLOCK_MONOTONIC);
}

Result<std::unique_ptr<UdpPort>> UdpPort::open_lasting(const std::string& what) {
  for (int attempt = 1;; ++attempt) {
    std::uint16_t draw = 0;
    if (getrandom(&draw, sizeof draw, 0) < 0) return host::system_error(what + ": getrandom");
    const auto port = static_cast<std::uint16_t>(lasting_first + draw % lasting_count);
    auto opened = open({port, 0}, what);
    if (opened || attempt == lasting_attempts) return opened;
  }
}

Result<std::unique_ptr<UdpPort>> UdpPort::open(UdpEnd end, const std::string& what) {
  host::Fd fd{socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd) return host::system_error(what + ": socket");
  const sockaddr_in wanted = loopback(end.port);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&wanted), sizeof wanted) != 0)
    return host::system_error(what + ": UDP port " + std::to_string(end.port) + ": bind");
  enlarge(fd.get(), SO_RCVBUFFORCE, SO_RCVBUF);
  enlarge(fd.get(), SO_SNDBUFFORCE, SO_SNDBUF);
  const int on = 1;
  (void)setsockopt(fd.get(), SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  (void)setsockopt(fd.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  (void)setsockopt(fd.get(), SOL_UDP, UDP_GRO, &on, sizeof on);
  sockaddr_in bound{};
  socklen_t size = sizeof bound;
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0)
    return host::system_error(what + ": getsockname");
  std::unique_ptr<UdpPort> port{new UdpPort{std::move(fd), end}};
  port->local_port_ = ntohs(bound.sin_port);
  return port;
}

void UdpPort::receive(ReceiveBuffer& buffer) {
  constexpr std::size_t n = ReceiveBuffer::messages;
  std::array<mmsghdr, n> messages{};
  std::array<iovec, n> pieces;
  std::array<Control, n> controls;
  std::array<sockaddr_in, n> sources;
  for (std::size_t i = 0; i < n; ++i) {
    pieces[i] = {&buffer.memory[i * ReceiveBuffer::message_bytes], ReceiveBuffer::message_bytes};
    msghdr& header = messages[i].msg_hdr;
    header.msg_iov = &pieces[i];
    header.msg_iovlen = 1;
    header.msg_name = &sources[i];
    header.msg_namelen = sizeof sources[i];
    header.msg_control = controls[i].bytes.data();
    header.msg_controllen = controls[i].bytes.size();
  }
  buffer.packets.clear();
  const int got = recvmmsg(fd_.get(), messages.data(), n, MSG_DONTWAIT, nullptr);
  const std::int64_t now = monotonic_ns();
  const std::int64_t offset = now - read_clock(CLOCK_REALTIME);
  for (int i = 0; i < got; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (!learn_ && ntohs(sources[at].sin_port) != peer_port_) continue;
    peer_port_ = ntohs(sources[at].sin_port);
    const Ancillary ancillary = read_ancillary(messages[at].msg_hdr);
    if (ancillary.dropped > 0) kernel_drops_ = ancillary.dropped;
    // The kernel stamps with the clock of people, which may step: believe it within a second.
    const std::int64_t stamped = ancillary.arrived_ns + offset;
    const bool credible = stamped <= now && stamped > now - 1'000'000'000;
    split({static_cast<std::uint8_t*>(pieces[at].iov_base), messages[at].msg_len},
          ancillary.segment, credible ? stamped : now, buffer.packets);
  }
}

std::size_t UdpPort::send(std::span<const ByteView> packets) {
  SendBatch batch{loopback(peer_port_)};
  std::size_t refused = 0;
  while (!packets.empty()) {
    packets = packets.subspan(batch.fill(packets));
    refused += batch.send(fd_.get());
  }
  return refused;
}

}  // namespace axs::live
