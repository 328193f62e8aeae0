#pragma once

namespace axs::live {

/// How the kernel schedules a thread, best first.
enum class Scheduling { fifo, negative_nice, ordinary };

/// Asks for the best scheduling that the process is allowed and for exact timers, for the calling
/// thread; returns what it got. A real-time thread must block often: it preempts everything else.
Scheduling acquire_precise_scheduling();

}  // namespace axs::live
