#pragma once

#include <memory>

#include "axs/host/lock.h"
#include "axs/live/link_channel.h"
#include "axs/live/link_datagrams.h"
#include "axs/live/link_streams.h"
#include "axs/live/link_tun.h"
#include "axs/live/link_watcher.h"

namespace axs::live {

/// One end of a user's link, as a process: whatever programs hand it goes to the other end.
class LinkEnd {
 public:
  static constexpr Duration stats_every = milliseconds(500);

  /// Opens all that the link's record asks for; an error names what cannot be had.
  static Result<std::unique_ptr<LinkEnd>> open(host::Loop& loop, LinkFolder folder, LinkSide side);
  LinkEnd(const LinkEnd&) = delete;
  ~LinkEnd();

  /// Why it has stopped the loop, if it has.
  Result<> outcome() const;

 private:
  LinkEnd(host::Loop& loop, LinkFolder folder, LinkSide side, LinkSpec spec, host::FileLock lock);
  Result<> prepare();
  Result<> open_services(std::uint32_t incarnation);
  Result<> open_tun(net::TokenBucket* bucket);
  void take(LinkFrame kind, ByteView frame);
  void after_batch();
  void write_stats();
  std::string stats() const;

  host::Loop& loop_;
  LinkFolder folder_;
  LinkSide side_;
  LinkSpec spec_;
  host::FileLock lock_;
  std::optional<net::TokenBucket> bucket_;
  std::unique_ptr<LinkChannel> channel_;
  std::unique_ptr<LinkWatcher> watcher_;
  std::unique_ptr<LinkDatagrams> datagrams_;
  std::unique_ptr<LinkStreams> streams_;
  std::unique_ptr<LinkTun> tun_;
  host::TimerId stats_timer_{};
  std::optional<Error> failure_;
};

/// Is that end until SIGTERM, SIGINT or SIGHUP.
Result<> run_link_end(const LinkFolder& folder, LinkSide side);

}  // namespace axs::live
