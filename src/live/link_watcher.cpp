#include "axs/live/link_watcher.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "axs/catalog/utc.h"
#include "axs/host/clock.h"
#include "axs/host/file.h"
#include "axs/live/link_json.h"

namespace axs::live {

namespace {

/// Opened for appending; a line that a crash tore is ended first, so that it spoils no other.
Result<host::Fd> open_record(const std::string& path) {
  host::Fd file{::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600)};
  if (!file) return host::system_error(path + ": open");
  const off_t size = lseek(file.get(), 0, SEEK_END);
  char last = '\n';
  if (size > 0 && pread(file.get(), &last, 1, size - 1) != 1)
    return host::system_error(path + ": read");
  const std::uint8_t line_end[]{'\n'};
  if (last != '\n') AXS_TRY(host::write_all(file.get(), line_end, path));
  AXS_TRY(host::sync_folder(std::filesystem::path{path}.parent_path()));
  return file;
}

}  // namespace

Result<std::unique_ptr<LinkWatcher>> LinkWatcher::open(host::Loop& loop, LinkChannel& channel,
                                                       const net::LinkWatch::Config& config,
                                                       const std::string& breaches) {
  std::unique_ptr<LinkWatcher> watcher{new LinkWatcher{loop, channel, config}};
  watcher->path_ = breaches;
  if (!breaches.empty()) {
    watcher->file_ = AXS_TRY(open_record(breaches));
    watcher->sync_ = std::make_unique<host::BackgroundSync>(watcher->file_.get(), breaches);
  }
  watcher->timer_ = loop.at(loop.now(), [self = watcher.get()] { self->step(Wakeup{}); });
  return watcher;
}

LinkWatcher::~LinkWatcher() {
  loop_.cancel(timer_);
}

void LinkWatcher::take_reply(ByteView frame) {
  const auto number = from_wire<std::uint32_t>(frame, "echo");
  if (number) step(net::EchoArrived{*number});
}

void LinkWatcher::step(const net::LinkWatch::Event& event) {
  std::vector<net::LinkWatch::Action> actions;
  watch_.step(loop_.now(), event, actions);
  for (const auto& action : actions) {
    if (const auto* echo = std::get_if<net::SendEcho>(&action))
      channel_.send(LinkFrame::echo, to_wire(echo->number));
    if (const auto* window = std::get_if<net::WindowClosed>(&action); window && window->breach)
      record(*window);
  }
  loop_.cancel(timer_);
  timer_ = loop_.at(*watch_.wakeup(), [this] { step(Wakeup{}); });
}

void LinkWatcher::record(const net::WindowClosed& window) {
  if (!file_) return;
  const Instant now = loop_.now();
  const catalog::UtcTime wall{host::unix_time().ns};
  const auto utc = [&](Instant at) { return catalog::format_utc(wall + (at - now)); };
  const nlohmann::ordered_json line{
      {"begin", utc(window.begin)},
      {"end", utc(window.end)},
      {"percentile", config_.promise->percentile},
      {"promised_ms", config_.promise->round_trip.seconds() * 1e3},
      {"measured_ms", milliseconds_or_null(window.quality.percentile)},
      {"median_ms", milliseconds_or_null(window.quality.median)},
      {"probes", window.quality.probes},
      {"lost", window.quality.lost}};
  const std::string text = line.dump() + "\n";
  const auto written = host::write_all(
      file_.get(), {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, path_);
  failure_ = written ? std::string{} : written.error().what;
  sync_->request();
}

std::string LinkWatcher::failure() const {
  const auto unsynced = sync_ ? sync_->failure() : std::nullopt;
  return failure_.empty() && unsynced ? unsynced->what : failure_;
}

}  // namespace axs::live
