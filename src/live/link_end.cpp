#include "axs/live/link_end.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "axs/host/clock.h"
#include "axs/host/file.h"
#include "axs/host/machine.h"
#include "axs/host/signals.h"
#include "axs/live/incarnation.h"
#include "axs/live/link_json.h"

namespace axs::live {

namespace {

using Json = nlohmann::ordered_json;

/// What may be saved up while nobody sends: short, for the next hop's queue must hold it.
constexpr Duration burst = milliseconds(5);

}  // namespace

Result<std::unique_ptr<LinkEnd>> LinkEnd::open(host::Loop& loop, LinkFolder folder, LinkSide side) {
  LinkSpec spec = AXS_TRY(load_link(folder));
  auto lock = AXS_TRY(host::FileLock::acquire(folder.lock(side)));
  std::unique_ptr<LinkEnd> end{
      new LinkEnd{loop, std::move(folder), side, std::move(spec), std::move(lock)}};
  AXS_TRY(end->prepare());
  return end;
}

LinkEnd::LinkEnd(host::Loop& loop, LinkFolder folder, LinkSide side, LinkSpec spec,
                 host::FileLock lock)
    : loop_{loop},
      folder_{std::move(folder)},
      side_{side},
      spec_{std::move(spec)},
      lock_{std::move(lock)} {
  if (spec_.rate) bucket_.emplace(*spec_.rate, burst, loop_.now());
}

LinkEnd::~LinkEnd() {
  loop_.cancel(stats_timer_);
}

Result<> LinkEnd::prepare() {
  const std::uint32_t incarnation =
      AXS_TRY(next_incarnation(folder_.end(side_) + "/incarnation", host::FileAccess::owner_only));
  const LinkSide far = other(side_);
  auto credentials = AXS_TRY(Credentials::load(folder_.credentials(side_)));
  channel_ = AXS_TRY(
      LinkChannel::open(loop_,
                        {.run = spec_.name,
                         .side = side_,
                         .own = spec_.end(side_),
                         .peer_name = std::string{enum_name(far)},
                         .credentials = std::move(credentials),
                         .incarnation = net::Incarnation{incarnation},
                         .traffic = spec_.traffic,
                         .meeting = spec_.meeting},
                        {.frame = [this](LinkFrame kind, ByteView frame) { take(kind, frame); },
                         .batch_end = [this] { after_batch(); },
                         .changed = [this] { streams_->path_changed(); }}));
  AXS_TRY(open_services(incarnation));
  write_stats();
  return Ok{};
}

Result<> LinkEnd::open_services(std::uint32_t incarnation) {
  net::TokenBucket* bucket = bucket_ ? &*bucket_ : nullptr;
  net::LinkWatch::Config watch;
  const bool judges = side_ == LinkSide::from && spec_.promise;
  if (judges) watch.promise = spec_.promise;
  watcher_ = AXS_TRY(
      LinkWatcher::open(loop_, *channel_, watch, judges ? folder_.breaches() : std::string{}));
  datagrams_ = AXS_TRY(LinkDatagrams::open(
      loop_, *channel_,
      {.forwards = spec_.udp, .side = side_, .incarnation = incarnation, .bucket = bucket}));
  streams_ = AXS_TRY(LinkStreams::open(loop_, *channel_, spec_, side_, incarnation));
  return spec_.end(side_).tun_address.empty() ? Ok{} : open_tun(bucket);
}

/// Without its interface the end is of no use to those who are to reach it there.
Result<> LinkEnd::open_tun(net::TokenBucket* bucket) {
  const LinkEndSpec& own = spec_.end(side_);
  tun_ = AXS_TRY(LinkTun::open(loop_, *channel_,
                               {.address = own.tun_address,
                                .peer_address = spec_.end(other(side_)).tun_address,
                                .netns = own.tun_namespace,
                                .bucket = bucket,
                                .lost = [this](Error why) {
                                  failure_ = std::move(why);
                                  loop_.stop();
                                }}));
  return Ok{};
}

Result<> LinkEnd::outcome() const {
  if (failure_) return *failure_;
  return Ok{};
}

void LinkEnd::take(LinkFrame kind, ByteView frame) {
  switch (kind) {
    case LinkFrame::echo:
      if (frame.size() <= sizeof(std::uint32_t)) channel_->send(LinkFrame::echo_reply, frame);
      return;
    case LinkFrame::echo_reply:
      return watcher_->take_reply(frame);
    case LinkFrame::datagram:
      return datagrams_->take(frame);
    case LinkFrame::packet:
      return tun_ ? tun_->take(frame) : void();
    case LinkFrame::stream:
      return streams_->take(frame);
  }
}

void LinkEnd::after_batch() {
  if (tun_) tun_->batch_end();
  streams_->batch_end();
}

/// People and `axs link ls` read it; so it need not survive a crash.
void LinkEnd::write_stats() {
  (void)host::replace_file(folder_.stats(side_), stats()).has_value();
  stats_timer_ = loop_.after(stats_every, [this] { write_stats(); });
}

std::string LinkEnd::stats() const {
  const net::LinkQuality quality = watcher_->recent();
  const SealedLinkCounters& wire = channel_->counters();
  const auto& udp = datagrams_->counters();
  const auto& tcp = streams_->counters();
  const auto used = host::usage_of(0);
  Json all{{"side", enum_name(side_)},
           {"site", spec_.end(side_).site},
           {"pid", ::getpid()},
           {"state", channel_->up() ? "up" : "connecting"},
           {"why", channel_->last_failure()},
           {"written", host::unix_time().seconds()},
           {"rtt_p50_ms", milliseconds_or_null(quality.median)},
           {"rtt_percentile_ms", milliseconds_or_null(quality.percentile)},
           {"probes", quality.probes},
           {"probes_lost", quality.lost},
           {"sessions", channel_->sessions()},
           {"way", channel_->way()},
           {"why_this_way", channel_->why_this_way()},
           {"packet_size", channel_->packet_size()},
           {"processor_seconds", used ? Json(used->cpu.seconds()) : Json()},
           {"wire",
            {{"sent", wire.sent},
             {"sent_bytes", wire.sent_bytes},
             {"refused", wire.refused},
             {"accepted", wire.accepted},
             {"accepted_bytes", wire.accepted_bytes},
             {"replayed", wire.replayed},
             {"unknown_key", wire.unknown_key},
             {"forged", wire.forged},
             {"kernel_drops", channel_->kernel_drops()}}},
           {"udp",
            {{"flows", datagrams_->flows()},
             {"sent", udp.sent},
             {"delivered", udp.delivered},
             {"too_large", udp.too_large},
             {"dropped", udp.dropped}}},
           {"tcp",
            {{"streams", streams_->streams()},
             {"opened", tcp.opened},
             {"failed", tcp.failed},
             {"sent_bytes", tcp.sent_bytes},
             {"delivered_bytes", tcp.delivered_bytes}}}};
  if (!watcher_->failure().empty()) all["why"] = watcher_->failure();
  if (tun_)
    all["tun"] = {{"device", tun_->device()},
                  {"sent", tun_->counters().sent},
                  {"delivered", tun_->counters().delivered},
                  {"dropped", tun_->counters().dropped},
                  {"foreign", tun_->counters().foreign}};
  return all.dump() + "\n";
}

Result<> run_link_end(const LinkFolder& folder, LinkSide side) {
  auto signals = AXS_TRY(host::SignalFd::create());
  auto loop = AXS_TRY(host::Loop::create(host::RunClock{Instant{}}));
  AXS_TRY(loop->watch(signals.fd(), host::Interest::readable, [&](host::Ready) {
    if (signals.next()) loop->stop();
  }));
  const auto end = AXS_TRY(LinkEnd::open(*loop, folder, side));
  AXS_TRY(loop->run());
  return end->outcome();
}

}  // namespace axs::live
