#include "axs/live/scheduling.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace axs::live {

namespace {

/// The kernel's struct sched_attr, first version (sched_setattr(2)); glibc 2.36 does not have it.
struct SchedulingRequest {
  std::uint32_t size = sizeof(SchedulingRequest);
  std::uint32_t policy = SCHED_OTHER;
  std::uint64_t flags{};
  std::int32_t nice{};
  std::uint32_t priority{};
  std::uint64_t slice_ns{};
  std::uint64_t deadline_ns{};
  std::uint64_t period_ns{};
};

/// A short slice is an early virtual deadline: since Linux 6.12 a thread that asks for the shortest
/// is run soon after it wakes. It needs no privilege; older kernels ignore it.
void ask_for_short_slice() {
  SchedulingRequest request{.slice_ns = 100'000};
  request.nice = getpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)));
  (void)syscall(SYS_sched_setattr, 0, &request, 0U);
}

}  // namespace

Scheduling acquire_precise_scheduling() {
  // Without this an ordinary thread's timers may be 50 us late, to wake the processor less often.
  (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  sched_param param{};
  param.sched_priority = 10;
  if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) == 0) return Scheduling::fifo;
  const auto thread = static_cast<id_t>(syscall(SYS_gettid));
  const bool raised = setpriority(PRIO_PROCESS, thread, -15) == 0;
  ask_for_short_slice();
  return raised ? Scheduling::negative_nice : Scheduling::ordinary;
}

}  // namespace axs::live
