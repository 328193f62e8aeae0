#pragma once

#include <memory>
#include <string>

#include "axs/host/background_sync.h"
#include "axs/live/link_channel.h"
#include "axs/net/link_sla.h"

namespace axs::live {

/// Performs net::LinkWatch over a channel: sealed echoes out, and broken promises onto the disk. A
/// breach is in its file, and outlives this process, before anything else is done; the disk has it
/// as soon as it can, for what the link carries does not wait for it.
class LinkWatcher {
 public:
  /// So long after its start a link that is not up yet breaks no promise.
  static constexpr Duration handshake_grace = seconds(2);

  /// `breaches`: the file they are appended to; empty: they are not recorded.
  static Result<std::unique_ptr<LinkWatcher>> open(host::Loop& loop, LinkChannel& channel,
                                                   const net::LinkWatch::Config& config,
                                                   const std::string& breaches);
  LinkWatcher(const LinkWatcher&) = delete;
  ~LinkWatcher();

  /// A frame of kind `echo_reply`; anything is safe.
  void take_reply(ByteView frame);
  net::LinkQuality recent() const { return watch_.recent(loop_.now()); }
  /// Why the last breach could not be recorded.
  std::string failure() const;

 private:
  LinkWatcher(host::Loop& loop, LinkChannel& channel, const net::LinkWatch::Config& config)
      : loop_{loop},
        channel_{channel},
        config_{config},
        watch_{config, loop.now() + handshake_grace} {}
  void step(const net::LinkWatch::Event& event);
  void record(const net::WindowClosed& window);

  host::Loop& loop_;
  LinkChannel& channel_;
  net::LinkWatch::Config config_;
  net::LinkWatch watch_;
  host::TimerId timer_{};
  std::string path_;
  host::Fd file_;
  std::unique_ptr<host::BackgroundSync> sync_;
  std::string failure_;
};

}  // namespace axs::live
