#pragma once

#include <optional>
#include <string>

#include "axs/core/wire.h"
#include "axs/host/fd.h"

namespace axs::live {

/// Whole records between two processes of one machine: a Unix socket that keeps their bounds
/// (SOCK_SEQPACKET). Nothing here ever waits. The path may be of any length.
class LocalSocket {
 public:
  /// A record is no longer than this.
  static constexpr std::size_t record_max = 64 << 10;

  /// Errc::not_found or unavailable if nobody listens there.
  static Result<LocalSocket> connect(const std::string& path);

  /// The next record, or nothing if none is there. An error once the other end is gone.
  Result<std::optional<ByteVector>> receive();
  /// An error if the other end is gone, or has not read for so long that its queue is full.
  Result<> send(ByteView record);
  /// Readable when receive() has something to say.
  int fd() const { return fd_.get(); }

 private:
  friend class LocalListener;
  LocalSocket(host::Fd fd, std::string path) : fd_{std::move(fd)}, path_{std::move(path)} {}

  host::Fd fd_;
  std::string path_;
};

class LocalListener {
 public:
  /// Takes the path over from whoever listened there before; one process at a time should.
  static Result<LocalListener> open(const std::string& path);

  /// Somebody who wants to connect, if there is one.
  std::optional<LocalSocket> accept();
  /// Readable when accept() has somebody.
  int fd() const { return fd_.get(); }

 private:
  LocalListener(host::Fd fd, std::string path) : fd_{std::move(fd)}, path_{std::move(path)} {}

  host::Fd fd_;
  std::string path_;
};

}  // namespace axs::live
