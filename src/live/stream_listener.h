#pragma once

#include <functional>
#include <memory>
#include <string>

#include "axs/host/loop.h"
#include "axs/live/socket_address.h"

namespace axs::live {

/// A TCP connection to that address in the making.
Result<host::Fd> connect_stream(const Endpoint& to);

/// Takes TCP connections. When the process has no descriptors left they wait in the kernel, and are
/// looked for again a little later.
class StreamListener {
 public:
  static constexpr Duration pause = milliseconds(200);
  using Take = std::function<void(host::Fd)>;

  /// `what` begins the text of an error. The loop must outlive it.
  static Result<std::unique_ptr<StreamListener>> open(host::Loop& loop, const Endpoint& local,
                                                      const std::string& what, Take take);
  StreamListener(const StreamListener&) = delete;
  ~StreamListener();

  Endpoint local() const { return local_; }

 private:
  StreamListener(host::Loop& loop, host::Fd fd, const Endpoint& local, Take take)
      : loop_{loop}, fd_{std::move(fd)}, local_{local}, take_{std::move(take)} {}
  Result<> watch();
  void accept_all();

  host::Loop& loop_;
  host::Fd fd_;
  Endpoint local_;
  Take take_;
  host::TimerId pausing_{};
};

}  // namespace axs::live
