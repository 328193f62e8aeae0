#include "axs/host/machine.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <thread>

#include "axs/host/file.h"

namespace axs::host {

namespace {

/// The text between `key` and the end of its line, without quotes; "unknown" if it is not there.
std::string value_in(const std::string& path, std::string_view key) {
  const auto data = read_file(path, 4 << 20);
  if (!data) return "unknown";
  const std::string_view text{reinterpret_cast<const char*>(data->data()), data->size()};
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return "unknown";
  std::string_view line = text.substr(at + key.size());
  line = line.substr(0, line.find('\n'));
  const std::size_t first = line.find_first_not_of("\t :=\"");
  if (first == std::string_view::npos) return "unknown";
  return std::string{line.substr(first, line.find_last_not_of('"') + 1 - first)};
}

std::uint32_t usable_cores() {
  cpu_set_t usable;
  if (::sched_getaffinity(0, sizeof usable, &usable) != 0)
    return static_cast<std::uint32_t>(::sysconf(_SC_NPROCESSORS_ONLN));
  return static_cast<std::uint32_t>(CPU_COUNT(&usable));
}

/// Asks the kernel by trying, in a thread that ends: limits, capabilities and security modules all
/// have a say, and only it knows them all.
void try_priorities(MachineFacts& facts) {
  std::thread{[&facts] {
    const int nice_now = ::getpriority(PRIO_PROCESS, 0);
    facts.negative_nice_allowed = ::setpriority(PRIO_PROCESS, 0, nice_now - 1) == 0;
    const sched_param lowest{.sched_priority = 1};
    facts.realtime_allowed = ::sched_setscheduler(0, SCHED_FIFO, &lowest) == 0;
  }}.join();
}

}  // namespace

MachineFacts read_machine() {
  utsname kernel;
  AXS_ASSERT(::uname(&kernel) == 0);
  struct sysinfo memory;
  AXS_ASSERT(::sysinfo(&memory) == 0);
  MachineFacts facts{
      .cpu_model = value_in("/proc/cpuinfo", "model name"),
      .cores = usable_cores(),
      .memory = std::uint64_t{memory.totalram} * memory.mem_unit,
      .kernel = std::string{kernel.sysname} + " " + kernel.release + " " + kernel.machine,
      .system = value_in("/etc/os-release", "PRETTY_NAME")};
  try_priorities(facts);
  return facts;
}

Result<ProcessUsage> usage_of(pid_t pid) {
  const std::string name = pid == 0 ? "self" : std::to_string(pid);
  clockid_t clock;
  timespec cpu;
  const int error = ::clock_getcpuclockid(pid, &clock);
  if (error != 0) return system_error("process " + name, error);
  if (::clock_gettime(clock, &cpu) != 0) return system_error("process " + name, ESRCH);
  // /proc/<pid>/statm, proc(5): the second number counts resident pages.
  const std::string path = "/proc/" + name + "/statm";
  const auto data = AXS_TRY(read_file(path, 4096));
  const std::string text{data.begin(), data.end()};
  const std::size_t at = text.find(' ') + 1;
  std::uint64_t pages = 0;
  if (std::from_chars(text.data() + at, text.data() + text.size(), pages).ec != std::errc{})
    return Error{Errc::corrupt, path + ": '" + text + "', want numbers"};
  return ProcessUsage{
      .cpu = seconds(cpu.tv_sec) + nanoseconds(cpu.tv_nsec),
      .resident_bytes = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))};
}

}  // namespace axs::host
