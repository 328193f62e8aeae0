#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "axs/core/result.h"
#include "axs/core/time.h"

namespace axs::host {

/// What a run's record and `axs doctor` say about the machine.
struct MachineFacts {
  std::string cpu_model;         ///< "unknown" where the kernel does not say.
  std::uint32_t cores{};         ///< That this process may use.
  std::uint64_t memory{};        ///< Bytes of main memory.
  std::string kernel;            ///< "Linux 6.1.0-18-amd64 x86_64".
  std::string system;            ///< The name in /etc/os-release, or "unknown".
  bool realtime_allowed{};       ///< May this process take a real-time priority?
  bool negative_nice_allowed{};  ///< May it take a higher priority than it has?
};

MachineFacts read_machine();

/// What a process has used so far.
struct ProcessUsage {
  Duration cpu;                    ///< Processor time of all its threads.
  std::uint64_t resident_bytes{};  ///< Main memory that it holds now.
};

/// Errc::not_found if there is no such process; of our own process with pid 0.
Result<ProcessUsage> usage_of(pid_t pid);

}  // namespace axs::host
