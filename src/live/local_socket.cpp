#include "axs/live/local_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

namespace axs::live {

namespace {

constexpr int connections_waiting = 16;

/// The address of a socket in a folder that is held open: a full path is often longer than the 107
/// bytes that an address holds.
struct Address {
  host::Fd folder;
  sockaddr_un name{};
};

Result<Address> address_of(const std::string& path) {
  const std::filesystem::path full{path};
  const std::string parent = full.has_parent_path() ? full.parent_path().string() : ".";
  Address address{host::Fd{::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)}};
  if (!address.folder) return host::system_error(parent);
  const std::string short_path =
      "/proc/self/fd/" + std::to_string(address.folder.get()) + "/" + full.filename().string();
  if (short_path.size() >= sizeof address.name.sun_path)
    return Error{Errc::invalid, path + ": the name of the socket is too long"};
  address.name.sun_family = AF_UNIX;
  std::memcpy(address.name.sun_path, short_path.c_str(), short_path.size() + 1);
  return address;
}

Result<host::Fd> make_socket(const std::string& path) {
  host::Fd fd{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd) return host::system_error(path);
  return fd;
}

const sockaddr* as_address(const sockaddr_un& name) {
  return reinterpret_cast<const sockaddr*>(&name);
}

}  // namespace

Result<LocalSocket> LocalSocket::connect(const std::string& path) {
  const Address address = AXS_TRY(address_of(path));
  host::Fd fd = AXS_TRY(make_socket(path));
  if (::connect(fd.get(), as_address(address.name), sizeof address.name) != 0)
    return host::system_error(path);
  return LocalSocket{std::move(fd), path};
}

Result<std::optional<ByteVector>> LocalSocket::receive() {
  ByteVector record(record_max);
  const auto got = ::recv(fd_.get(), record.data(), record.size(), MSG_TRUNC);
  if (got < 0 && errno == EAGAIN) return std::optional<ByteVector>{};
  if (got < 0) return host::system_error(path_);
  if (got == 0) return Error{Errc::unavailable, path_ + ": the other end is gone"};
  if (static_cast<std::size_t>(got) > record.size())
    return Error{Errc::corrupt, path_ + ": a record of " + std::to_string(got) +
                                    " bytes, want at most " + std::to_string(record_max)};
  record.resize(static_cast<std::size_t>(got));
  return std::optional{std::move(record)};
}

Result<> LocalSocket::send(ByteView record) {
  AXS_ASSERT(!record.empty() && record.size() <= record_max);
  if (::send(fd_.get(), record.data(), record.size(), MSG_NOSIGNAL) < 0)
    return host::system_error(path_);
  return Ok{};
}

Result<LocalListener> LocalListener::open(const std::string& path) {
  const Address address = AXS_TRY(address_of(path));
  host::Fd fd = AXS_TRY(make_socket(path));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return host::system_error(path);
  if (::bind(fd.get(), as_address(address.name), sizeof address.name) != 0 ||
      ::listen(fd.get(), connections_waiting) != 0)
    return host::system_error(path);
  return LocalListener{std::move(fd), path};
}

std::optional<LocalSocket> LocalListener::accept() {
  host::Fd fd{::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  if (!fd) return std::nullopt;
  return LocalSocket{std::move(fd), path_};
}

}  // namespace axs::live
