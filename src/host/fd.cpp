#include "axs/host/fd.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "axs/core/assert.h"

namespace axs::host {

namespace {

constexpr std::size_t fds_max = 16;

Errc code_of(int number) {
  switch (number) {
    case ENOENT:
    case ESRCH:
      return Errc::not_found;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return Errc::exhausted;
    case ETIMEDOUT:
      return Errc::timeout;
    default:
      return Errc::unavailable;
  }
}

/// The space for control data that carries descriptors.
union ControlBuffer {
  std::array<char, CMSG_SPACE(fds_max * sizeof(int))> bytes;
  cmsghdr alignment;
};

}  // namespace

Fd::~Fd() {
  if (number_ >= 0) ::close(number_);
}

Error system_error(std::string_view what, int number) {
  const char* name = ::strerrorname_np(number);
  const char* text = ::strerrordesc_np(number);
  return {code_of(number), std::string{what} + ": " +
                               (text ? text : "error " + std::to_string(number)) + " (" +
                               (name ? name : "?") + ")"};
}

Result<Fd> duplicate(const Fd& fd) {
  Fd copy{::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)};
  if (!copy) return system_error("duplicate descriptor " + std::to_string(fd.get()));
  return copy;
}

Result<Fd> make_event() {
  Fd event{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  if (!event) return system_error("eventfd");
  return event;
}

void raise_event(int event) {
  // The only failure is a count at its maximum: it is readable then already.
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event, &one, sizeof one);
}

void clear_event(int event) {
  // Failing with EAGAIN means that it was not readable.
  std::uint64_t count;
  [[maybe_unused]] const auto got = ::read(event, &count, sizeof count);
}

Result<> send_fds(int socket, const std::vector<int>& fds) {
  AXS_ASSERT(!fds.empty() && fds.size() <= fds_max);
  ControlBuffer control{};
  char byte = 0;
  iovec data{&byte, 1};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
  std::memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
  if (::sendmsg(socket, &message, MSG_NOSIGNAL) != 1) return system_error("send descriptors");
  return Ok{};
}

Result<std::vector<Fd>> receive_fds(int socket, std::size_t count) {
  ControlBuffer control{};
  char byte = 0;
  iovec data{&byte, 1};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  const auto got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (got < 0) return system_error("receive descriptors");
  std::vector<Fd> fds;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t held = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < held; ++i) {
      int number;
      std::memcpy(&number, CMSG_DATA(header) + i * sizeof(int), sizeof number);
      fds.emplace_back(number);
    }
  }
  if (fds.size() != count)
    return Error{Errc::corrupt, "receive descriptors: got " + std::to_string(fds.size()) +
                                    ", want " + std::to_string(count)};
  return fds;
}

}  // namespace axs::host
