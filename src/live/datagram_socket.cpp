#include "axs/live/datagram_socket.h"

#include <netinet/udp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace axs::live {

namespace {

using net::TrainShape;

constexpr int buffer_bytes = 16 * 1024 * 1024;

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

/// Tells the kernel where to cut. `control` must live as long as the header.
void add_segment(msghdr& header, Control& control, std::size_t segment) {
  const auto size = static_cast<std::uint16_t>(segment);
  header.msg_control = control.bytes.data();
  header.msg_controllen = CMSG_SPACE(sizeof size);
  cmsghdr* message = CMSG_FIRSTHDR(&header);
  message->cmsg_level = SOL_UDP;
  message->cmsg_type = UDP_SEGMENT;
  message->cmsg_len = CMSG_LEN(sizeof size);
  std::memcpy(CMSG_DATA(message), &size, sizeof size);
}

/// Messages for one sendmmsg, each a train gathered from packets that lie apart.
class SendBatch {
 public:
  static constexpr std::size_t messages_max = 16;

  explicit SendBatch(const SocketAddress& to) : to_{to} {}

  /// Takes packets from the front; returns how many.
  std::size_t fill(std::span<const ByteView> packets) {
    std::size_t taken = 0;
    count_ = 0;
    while (count_ < messages_max && taken < packets.size()) {
      const std::size_t n = train_size(packets.subspan(taken));
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
  static std::size_t train_size(std::span<const ByteView> packets) {
    TrainShape shape;
    while (shape.packets() < packets.size() && shape.admit(packets[shape.packets()].size())) {
    }
    return shape.packets();
  }
  void add(std::span<const ByteView> group) {
    auto& pieces = pieces_[count_];
    for (std::size_t i = 0; i < group.size(); ++i)
      pieces[i] = {const_cast<std::uint8_t*>(group[i].data()), group[i].size()};
    msghdr& header = messages_[count_].msg_hdr;
    header = {};
    header.msg_name = to_.data();
    header.msg_namelen = to_.size();
    header.msg_iov = pieces.data();
    header.msg_iovlen = group.size();
    if (group.size() > 1) add_segment(header, controls_[count_], group[0].size());
    ++count_;
  }

  SocketAddress to_;
  std::array<mmsghdr, messages_max> messages_;
  std::array<std::array<iovec, TrainShape::packets_max>, messages_max> pieces_;
  std::array<Control, messages_max> controls_;
  std::size_t count_{};
};

/// The room of one recvmmsg.
struct ReceiveBatch {
  std::array<mmsghdr, DatagramBuffer::messages> messages{};
  std::array<iovec, DatagramBuffer::messages> pieces;
  std::array<Control, DatagramBuffer::messages> controls;
  std::array<SocketAddress, DatagramBuffer::messages> sources;

  explicit ReceiveBatch(std::vector<std::uint8_t>& memory) {
    for (std::size_t i = 0; i < messages.size(); ++i) {
      pieces[i] = {&memory[i * DatagramBuffer::message_bytes], DatagramBuffer::message_bytes};
      msghdr& header = messages[i].msg_hdr;
      header.msg_iov = &pieces[i];
      header.msg_iovlen = 1;
      header.msg_name = sources[i].data();
      header.msg_namelen = sources[i].size();
      header.msg_control = controls[i].bytes.data();
      header.msg_controllen = controls[i].bytes.size();
    }
  }
};

void set_options(int fd, sa_family_t family) {
  enlarge(fd, SO_RCVBUFFORCE, SO_RCVBUF);
  enlarge(fd, SO_SNDBUFFORCE, SO_SNDBUF);
  const int on = 1, off = 0, probe = IP_PMTUDISC_PROBE;
  (void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  (void)setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof on);
  (void)setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof probe);
  if (family != AF_INET6) return;
  (void)setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof probe);
  (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
}

}  // namespace

std::int64_t monotonic_ns() {
  return read_clock(CLOCK_MONOTONIC);
}

Result<DatagramSocket> DatagramSocket::open(Endpoint local, const std::string& what) {
  const sa_family_t family = family_of(local);
  host::Fd fd{socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd) return host::system_error(what + ": socket");
  set_options(fd.get(), family);
  const SocketAddress wanted{local, family};
  if (bind(fd.get(), wanted.data(), wanted.size()) != 0)
    return host::system_error(what + ": UDP port " + std::to_string(local.port) + ": bind");
  SocketAddress bound;
  if (getsockname(fd.get(), bound.data(), bound.size_out()) != 0)
    return host::system_error(what + ": getsockname");
  return DatagramSocket{std::move(fd), bound.endpoint()};
}

void DatagramSocket::receive(DatagramBuffer& buffer) {
  ReceiveBatch batch{buffer.memory};
  buffer.datagrams.clear();
  const int got =
      recvmmsg(fd_.get(), batch.messages.data(), DatagramBuffer::messages, MSG_DONTWAIT, nullptr);
  const std::int64_t now = monotonic_ns();
  const std::int64_t offset = now - read_clock(CLOCK_REALTIME);
  for (std::size_t i = 0; static_cast<int>(i) < got; ++i) {
    const Ancillary ancillary = read_ancillary(batch.messages[i].msg_hdr);
    if (ancillary.dropped > 0) kernel_drops_ = ancillary.dropped;
    // The kernel stamps with the clock of people, which may step: believe it within a second.
    const std::int64_t stamped = ancillary.arrived_ns + offset;
    const bool credible = stamped <= now && stamped > now - 1'000'000'000;
    const std::size_t size = batch.messages[i].msg_len;
    buffer.datagrams.push_back({{{static_cast<std::uint8_t*>(batch.pieces[i].iov_base), size},
                                 ancillary.segment > 0 ? ancillary.segment : size},
                                batch.sources[i].endpoint(),
                                credible ? stamped : now});
  }
}

Sent DatagramSocket::send(Endpoint to, const net::Train& train) {
  SocketAddress address{to, family_of(local_)};
  iovec piece{train.bytes.data(), train.bytes.size()};
  Control control;
  msghdr header{};
  header.msg_name = address.data();
  header.msg_namelen = address.size();
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  if (train.bytes.size() > train.segment) add_segment(header, control, train.segment);
  while (sendmsg(fd_.get(), &header, 0) < 0) {
    if (errno == EINTR) continue;
    return errno == EMSGSIZE || errno == EINVAL ? Sent::too_large : Sent::refused;
  }
  return Sent::taken;
}

std::size_t DatagramSocket::send(Endpoint to, std::span<const ByteView> packets) {
  SendBatch batch{SocketAddress{to, family_of(local_)}};
  std::size_t refused = 0;
  while (!packets.empty()) {
    packets = packets.subspan(batch.fill(packets));
    refused += batch.send(fd_.get());
  }
  return refused;
}

}  // namespace axs::live
