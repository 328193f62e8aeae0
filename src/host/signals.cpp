#include "axs/host/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

namespace axs::host {

Result<SignalFd> SignalFd::create() {
  sigset_t signals, old;
  ::sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&signals, number);
  Fd fd{::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC)};
  if (!fd) return system_error("signalfd");
  const int error = ::pthread_sigmask(SIG_BLOCK, &signals, &old);
  if (error != 0) return system_error("block signals", error);
  return SignalFd{std::move(fd), old};
}

SignalFd::~SignalFd() {
  if (fd_) ::pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
}

std::optional<int> SignalFd::next() {
  signalfd_siginfo info;
  if (::read(fd_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

Cancel Cancellation::on_signal(int number) {
  if (number == SIGHUP) {
    if (state_ == Cancel::none) state_ = Cancel::finish;
    return state_;
  }
  state_ = interrupted_ ? Cancel::abort : Cancel::finish;
  interrupted_ = true;
  return state_;
}

}  // namespace axs::host
