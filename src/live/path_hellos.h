#pragma once

#include <optional>
#include <vector>

#include "axs/fabric/site.h"

namespace axs::live {

/// Which paths to one peer work: a small hello over each of them now and then, and a path on which
/// nothing authentic came for a while is down. Stands where net's path monitor will.
class PathHellos {
 public:
  static constexpr Duration interval = milliseconds(100);
  static constexpr Duration patience = milliseconds(1'000);

  PathHellos(SiteId peer, std::size_t paths) : peer_{peer}, heard_(paths) {}

  std::optional<Instant> wakeup() const { return next_; }
  /// A session has come up: hellos go out from now on.
  void start(Instant now) { next_ = now; }
  /// The session is gone, and all paths with it.
  void stop(std::vector<fabric::Site::Event>& events) {
    next_.reset();
    for (std::size_t i = 0; i < heard_.size(); ++i) set(i, std::nullopt, events);
  }

  /// Something authentic came over the path.
  void heard(Instant now, net::PathId path, std::vector<fabric::Site::Event>& events) {
    if (path.value < heard_.size()) set(path.value, now, events);
  }
  /// What has changed by itself; true if a hello is to go out over every path.
  bool wake(Instant now, std::vector<fabric::Site::Event>& events) {
    if (!next_ || now < *next_) return false;
    for (std::size_t i = 0; i < heard_.size(); ++i)
      if (heard_[i] && now - *heard_[i] > patience) set(i, std::nullopt, events);
    next_ = now + interval;
    return true;
  }
  /// The routes to begin with: the first path, and the second behind it.
  std::vector<fabric::Site::Event> routes() const {
    std::vector<fabric::Site::Event> events;
    const auto backup = heard_.size() > 1 ? std::optional{net::PathId{1}} : std::nullopt;
    for (const auto traffic :
         {net::TrafficClass::control, net::TrafficClass::gradient, net::TrafficClass::bulk})
      events.push_back(fabric::Site::Routed{peer_, net::RouteSet{traffic, net::PathId{0}, backup}});
    return events;
  }

 private:
  void set(std::size_t path, std::optional<Instant> at, std::vector<fabric::Site::Event>& events) {
    if (heard_[path].has_value() != at.has_value())
      events.push_back(fabric::Site::PathChanged{
          peer_, net::PathId{static_cast<std::uint8_t>(path)}, at.has_value()});
    heard_[path] = at;
  }

  SiteId peer_;
  std::vector<std::optional<Instant>> heard_;  ///< By path; nothing while it is down.
  std::optional<Instant> next_;
};

}  // namespace axs::live
