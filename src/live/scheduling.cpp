#include "axs/live/scheduling.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace axs::live {

Scheduling acquire_precise_scheduling() {
  // Without this an ordinary thread's timers may be 50 us late, to wake the processor less often.
  (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  sched_param param{};
  param.sched_priority = 10;
  if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) == 0) return Scheduling::fifo;
  const auto thread = static_cast<id_t>(syscall(SYS_gettid));
  if (setpriority(PRIO_PROCESS, thread, -15) == 0) return Scheduling::negative_nice;
  return Scheduling::ordinary;
}

}  // namespace axs::live
