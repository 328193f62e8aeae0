#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "axs/core/result.h"

namespace axs::host {

/// Owns one file descriptor and closes it. -1 means none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int number) : number_{number} {}
  Fd(Fd&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Fd();

  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  /// Closes it now.
  void reset() { Fd{}.swap(*this); }
  void swap(Fd& other) noexcept { std::swap(number_, other.number_); }

 private:
  int number_ = -1;
};

/// The error of a failed system call: "<what>: No space left on device (ENOSPC)". The code follows
/// from errno: nothing there is not_found, a full or limited resource is exhausted, else
/// unavailable.
Error system_error(std::string_view what, int number = errno);

/// A second descriptor for the same open file, close-on-exec.
Result<Fd> duplicate(const Fd& fd);

/// An eventfd, non-blocking and close-on-exec, at count 0.
Result<Fd> make_event();
/// Makes the eventfd readable.
void raise_event(int event);
/// Makes the eventfd unreadable again.
void clear_event(int event);

/// Sends open descriptors over a Unix stream socket (SCM_RIGHTS), at most 16 in one message.
Result<> send_fds(int socket, const std::vector<int>& fds);
/// Receives exactly `count` descriptors, close-on-exec, that send_fds() sent in one message.
Result<std::vector<Fd>> receive_fds(int socket, std::size_t count);

}  // namespace axs::host
