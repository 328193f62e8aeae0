#include "axs/host/loop.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <array>

namespace axs::host {

namespace {

// What epoll reports about the loop's own descriptors; watches are numbered from first_watch on.
constexpr std::uint64_t timer_number = 0, event_number = 1, first_watch = 2;
constexpr Instant never{INT64_MAX};

std::uint32_t events_of(Interest interest) {
  switch (interest) {
    case Interest::readable:
      return EPOLLIN;
    case Interest::writable:
      return EPOLLOUT;
    case Interest::both:
      break;
  }
  return EPOLLIN | EPOLLOUT;
}

Result<> control(const Fd& epoll, int operation, int fd, epoll_event event) {
  if (::epoll_ctl(epoll.get(), operation, fd, &event) != 0)
    return system_error("watch descriptor " + std::to_string(fd));
  return Ok{};
}

}  // namespace

Result<std::unique_ptr<Loop>> Loop::create(const RunClock& clock) {
  Fd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  if (!epoll) return system_error("epoll");
  Fd timer{::timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC)};
  if (!timer) return system_error("timerfd");
  Fd event = AXS_TRY(make_event());
  // Edge-triggered: the next setting of the timer starts it afresh, nobody needs to read it.
  (void)AXS_TRY(control(epoll, EPOLL_CTL_ADD, timer.get(),
                        {.events = EPOLLIN | EPOLLET, .data = {.u64 = timer_number}}));
  (void)AXS_TRY(control(epoll, EPOLL_CTL_ADD, event.get(),
                        {.events = EPOLLIN, .data = {.u64 = event_number}}));
  return std::unique_ptr<Loop>{
      new Loop{clock, std::move(epoll), std::move(timer), std::move(event)}};
}

Loop::Loop(const RunClock& clock, Fd epoll, Fd timer, Fd event)
    : clock_{clock},
      epoll_{std::move(epoll)},
      timer_{std::move(timer)},
      event_{std::move(event)},
      next_number_{first_watch} {}

Result<> Loop::watch(int fd, Interest interest, ReadyCallback callback) {
  AXS_ASSERT(!numbers_.contains(fd));
  const std::uint64_t number = next_number_++;
  (void)AXS_TRY(
      control(epoll_, EPOLL_CTL_ADD, fd, {.events = events_of(interest), .data = {.u64 = number}}));
  numbers_[fd] = number;
  watches_[number] = std::make_shared<Watch>(fd, std::move(callback));
  return Ok{};
}

Result<> Loop::change(int fd, Interest interest) {
  AXS_ASSERT(numbers_.contains(fd));
  return control(epoll_, EPOLL_CTL_MOD, fd,
                 {.events = events_of(interest), .data = {.u64 = numbers_[fd]}});
}

void Loop::unwatch(int fd) {
  const auto number = numbers_.find(fd);
  if (number == numbers_.end()) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  watches_.erase(number->second);
  numbers_.erase(number);
}

TimerId Loop::at(Instant at, Callback callback) {
  const TimerId id{at, next_timer_++};
  timers_.emplace(id, std::move(callback));
  return id;
}

void Loop::post(Callback callback) {
  const std::lock_guard lock{mutex_};
  posted_.push_back(std::move(callback));
  if (posted_.size() == 1) raise_event(event_.get());
}

void Loop::stop() {
  stopped_ = true;
  raise_event(event_.get());
}

Result<> Loop::run() {
  while (!stopped_) {
    (void)AXS_TRY(arm_timer());
    (void)AXS_TRY(wait());
  }
  stopped_ = false;
  return Ok{};
}

Result<> Loop::arm_timer() {
  const Instant first = timers_.empty() ? never : timers_.begin()->first.at;
  // A timer set for later than the one armed needs no call to the system, nor does a cancelled one:
  // it wakes the loop once for nothing.
  if (first >= armed_) return Ok{};
  armed_ = first;
  // A time of 0 would disarm it, one before 0 is refused; both are in the past.
  const std::int64_t ns = std::max<std::int64_t>(1, clock_.when(first).ns);
  const itimerspec setting{
      .it_interval = {}, .it_value = {.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000}};
  if (::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &setting, nullptr) != 0)
    return system_error("timer");
  return Ok{};
}

Result<> Loop::wait() {
  std::array<epoll_event, 64> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
  if (count < 0 && errno != EINTR) return system_error("epoll");
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    // The timer's event comes once only; the others come again if the loop is stopped now.
    if (event.data.u64 == timer_number)
      armed_ = never;
    else if (stopped_)
      continue;
    else if (event.data.u64 == event_number)
      run_posted();
    else
      dispatch(event.data.u64, event.events);
  }
  run_due_timers();
  return Ok{};
}

void Loop::run_due_timers() {
  if (timers_.empty()) return;
  const Instant now = clock_.now();
  // Timers set by these callbacks wait for the next turn, even if they are due: one that keeps
  // setting itself for the present instant must not starve the descriptors.
  const std::uint64_t set_before = next_timer_;
  auto due = timers_.begin();
  while (!stopped_ && due != timers_.end() && due->first.at <= now) {
    const TimerId id = due->first;
    if (id.number < set_before) timers_.extract(due).mapped()();
    // Whatever the callback did to the timers, the next one is the first behind this one.
    due = timers_.upper_bound(id);
  }
}

void Loop::run_posted() {
  clear_event(event_.get());
  std::vector<Callback> posted;
  {
    const std::lock_guard lock{mutex_};
    posted.swap(posted_);
  }
  std::size_t done = 0;
  while (done < posted.size() && !stopped_) posted[done++]();
  if (done == posted.size()) return;
  const std::lock_guard lock{mutex_};
  posted_.insert(posted_.begin(),
                 std::make_move_iterator(posted.begin() + static_cast<std::ptrdiff_t>(done)),
                 std::make_move_iterator(posted.end()));
  raise_event(event_.get());
}

void Loop::dispatch(std::uint64_t watch, std::uint32_t events) {
  // An earlier callback of this turn may have ended the watch, and even reused the descriptor.
  const auto found = watches_.find(watch);
  if (found == watches_.end()) return;
  // The callback may unwatch itself.
  const std::shared_ptr<Watch> kept = found->second;
  const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  kept->callback({.readable = broken || (events & EPOLLIN) != 0,
                  .writable = broken || (events & EPOLLOUT) != 0});
}

}  // namespace axs::host
