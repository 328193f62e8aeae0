#include "axs/live/underlay.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>
#include <span>

#include "axs/host/clock.h"
#include "axs/live/underlay_engine.h"

namespace axs::live {

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
// Packets that follow each other faster than this are released together: a wake-up for each costs
// about three times the processor time at 1 Gb/s, to be less late by a thousandth of a link's
// delay.
constexpr Duration release_quantum = microseconds(40);
constexpr std::size_t nowhere = SIZE_MAX;
// What epoll reports for the descriptors that are no port.
constexpr std::uint64_t timer_tag = UINT64_MAX;
constexpr std::uint64_t wake_tag = UINT64_MAX - 1;

bool add_to(int epoll, int fd, std::uint64_t tag) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = tag;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

Instant Underlay::Engine::now() const {
  return Instant{monotonic_ns() - epoch_ns_};
}

Result<> Underlay::Engine::open_waiting() {
  epoch_ns_ = config_.epoch ? config_.epoch->ns : monotonic_ns();
  epoll_ = host::Fd{epoll_create1(EPOLL_CLOEXEC)};
  timer_ = host::Fd{timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)};
  wake_ = host::Fd{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  if (!epoll_ || !timer_ || !wake_)
    return host::system_error("underlay: epoll, timerfd or eventfd");
  bool added =
      add_to(epoll_.get(), timer_.get(), timer_tag) && add_to(epoll_.get(), wake_.get(), wake_tag);
  for (std::size_t i = 0; i < ingresses_.size(); ++i)
    added = added && add_to(epoll_.get(), ingresses_[i].port->fd(), i);
  if (!added) return host::system_error("underlay: epoll_ctl");
  return Ok{};
}

UnderlayStats Underlay::Engine::run() {
  {
    const std::lock_guard lock{mutex_};
    AXS_ASSERT(phase_ == Phase::ready);
    phase_ = Phase::running;
  }
  if (config_.precision == Precision::best) scheduling_ = acquire_precise_scheduling();
  started_ = last_packet_ = now();
  while (!stopping_ && !idle_too_long()) {
    play_script();
    release_due();
    wait();
  }
  const std::lock_guard lock{mutex_};
  phase_ = Phase::done;
  final_ = measure();
  for (auto& asked : asked_) asked.set_value(final_);
  asked_.clear();
  return final_;
}

/// A bounded number from each direction, so that a flood in one starves neither the others nor the
/// sockets.
void Underlay::Engine::release_due() {
  const Instant at = now();
  for (Direction& direction : directions_) {
    if (direction.next_due() > at) continue;
    direction.release(at, [this] { return now(); });
    rest_until_ = at + release_quantum;
  }
}

Instant Underlay::Engine::next_event() const {
  Instant next = Direction::idle;
  for (const Direction& direction : directions_) next = std::min(next, direction.next_due());
  next = std::max(next, rest_until_);
  if (script_cursor_ < config_.script.size())
    next = std::min(next, config_.script[script_cursor_].at);
  if (config_.idle_exit > Duration{}) next = std::min(next, last_packet_ + config_.idle_exit);
  return next;
}

/// An absolute timer: a preemption between reading the clock and sleeping does not add up.
void Underlay::Engine::arm(Instant at) {
  if (at == armed_) return;
  itimerspec spec{};
  if (at != Direction::idle) {
    const std::int64_t ns = std::max<std::int64_t>(1, at.ns + epoch_ns_);
    spec.it_value = {ns / second_ns, ns % second_ns};
  }
  (void)timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
  armed_ = at;
}

void Underlay::Engine::wait() {
  const Instant next = next_event();
  const bool due = next <= now();
  if (!due) arm(next);
  std::array<epoll_event, 64> events;
  const int n = epoll_wait(epoll_.get(), events.data(), events.size(), due ? 0 : -1);
  const std::span ready{events.data(), static_cast<std::size_t>(std::max(n, 0))};
  // Orders first: who cuts a link and then sends must find it cut.
  for (const epoll_event& event : ready)
    if (event.data.u64 == wake_tag) take_mail();
  for (const epoll_event& event : ready)
    if (event.data.u64 < ingresses_.size()) take_packets(ingresses_[event.data.u64]);
  // The timer that fired stays readable until it is set anew.
  if (armed_ <= now()) arm(Direction::idle);
}

void Underlay::Engine::take_packets(Ingress& ingress) {
  ingress.port->receive(buffer_);
  if (buffer_.packets.empty()) return;
  last_packet_ = now();
  for (const Received& packet : buffer_.packets) {
    const std::size_t direction = direction_for(ingress, packet.bytes);
    if (direction == nowhere)
      ++no_route_;
    else
      directions_[direction].admit(Instant{packet.arrived_ns - epoch_ns_}, packet.bytes);
  }
}

std::size_t Underlay::Engine::direction_for(const Ingress& ingress, ByteView packet) const {
  if (config_.tun_sites.empty()) return ingress.routes.front().direction;
  constexpr std::size_t header_bytes = 20;
  if (packet.size() < header_bytes || packet[0] >> 4 != 4) return nowhere;
  const std::uint32_t to = std::uint32_t{packet[16]} << 24 | std::uint32_t{packet[17]} << 16 |
                           std::uint32_t{packet[18]} << 8 | packet[19];
  for (const Ingress::Entry& route : ingress.routes)
    if (route.address == to) return route.direction;
  return nowhere;
}

bool Underlay::Engine::idle_too_long() const {
  return config_.idle_exit > Duration{} && now() - last_packet_ >= config_.idle_exit;
}

void Underlay::Engine::play_script() {
  while (script_cursor_ < config_.script.size() && config_.script[script_cursor_].at <= now())
    apply(config_.script[script_cursor_++].command);
}

void Underlay::Engine::take_mail() {
  std::vector<UnderlayCommand> mail;
  std::vector<std::promise<UnderlayStats>> asked;
  eventfd_t wakes;
  (void)eventfd_read(wake_.get(), &wakes);
  {
    const std::lock_guard lock{mutex_};
    mail.swap(mail_);
    asked.swap(asked_);
  }
  for (const UnderlayCommand& command : mail) apply(command);
  for (auto& promise : asked) promise.set_value(measure());
}

void Underlay::Engine::apply(const UnderlayCommand& command) {
  const auto change = [this](Direction& direction, const auto& order) {
    using Order = std::decay_t<decltype(order)>;
    if constexpr (std::is_same_v<Order, SetPipe>) direction.pipe().set(order.pipe);
    if constexpr (std::is_same_v<Order, SetForecast>) direction.pipe().set_forecast(order.forecast);
    if constexpr (std::is_same_v<Order, CutLink>) direction.cut(now());
    if constexpr (std::is_same_v<Order, HealLink>) direction.pipe().heal();
  };
  std::visit(
      [&](const auto& order) {
        for (std::size_t i = 0; i < directions_.size(); ++i) {
          const bool chosen = !order.from || *order.from == directions_[i].route().from;
          if (config_.links[i / 2].id == order.link && chosen) change(directions_[i], order);
        }
      },
      command);
}

UnderlayStats Underlay::Engine::measure() const {
  UnderlayStats stats{.scheduling = scheduling_,
                      .ran = now() - started_,
                      .cpu = host::thread_processor_time(),
                      .no_route = no_route_};
  LatencyHistogram all;
  for (const Direction& direction : directions_) {
    stats.directions.push_back(direction.stats());
    all.merge(direction.error());
  }
  stats.error = summary(all);
  return stats;
}

Result<> Underlay::Engine::post(UnderlayCommand command) {
  AXS_TRY(check(command));
  const std::lock_guard lock{mutex_};
  mail_.push_back(std::move(command));
  (void)eventfd_write(wake_.get(), 1);
  return Ok{};
}

UnderlayStats Underlay::Engine::stats() {
  std::future<UnderlayStats> answer;
  {
    const std::lock_guard lock{mutex_};
    if (phase_ == Phase::ready) return UnderlayStats{.directions = measure().directions};
    if (phase_ == Phase::done) return final_;
    answer = asked_.emplace_back().get_future();
    (void)eventfd_write(wake_.get(), 1);
  }
  return answer.get();
}

void Underlay::Engine::stop() noexcept {
  stopping_ = true;
  (void)eventfd_write(wake_.get(), 1);
}

Underlay::Underlay(std::unique_ptr<Engine> engine) : engine_{std::move(engine)} {}
Underlay::~Underlay() = default;

Result<std::unique_ptr<Underlay>> Underlay::open(UnderlayConfig config) {
  auto engine = AXS_TRY(Engine::open(std::move(config)));
  return std::unique_ptr<Underlay>{new Underlay{std::move(engine)}};
}

UnderlayStats Underlay::run() {
  return engine_->run();
}
Result<> Underlay::post(UnderlayCommand command) {
  return engine_->post(std::move(command));
}
UnderlayStats Underlay::stats() {
  return engine_->stats();
}
void Underlay::stop() noexcept {
  engine_->stop();
}
std::uint16_t Underlay::port(LinkId link, SiteId site) const {
  return engine_->port(link, site);
}

Result<UnderlayStats> run_underlay(UnderlayConfig config, std::stop_token stop) {
  const auto underlay = AXS_TRY(Underlay::open(std::move(config)));
  const std::stop_callback on_stop{stop, [&] { underlay->stop(); }};
  return underlay->run();
}

namespace {

std::atomic<Underlay*> signalled = nullptr;
std::atomic<bool> signal_came = false;

void on_signal(int) {
  signal_came = true;
  if (Underlay* underlay = signalled.load()) underlay->stop();
}

}  // namespace

Result<UnderlayStats> run_underlay_until_signal(UnderlayConfig config) {
  // First, so that a signal during set-up cannot leave a namespace behind.
  struct sigaction action{};
  action.sa_handler = on_signal;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  const auto underlay = AXS_TRY(Underlay::open(std::move(config)));
  signalled = underlay.get();
  if (signal_came) underlay->stop();
  UnderlayStats stats = underlay->run();
  signalled = nullptr;
  return stats;
}

}  // namespace axs::live
