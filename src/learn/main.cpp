#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string_view>

#include "axs/core/json.h"
#include "axs/learn/measure_core.h"
#include "axs/learn/worker_process.h"

using namespace axs;

namespace {

/// The rings are inherited: what the worker sends goes into the first, what it is told comes
/// through the second. Or it says how fast it is here.
Result<> run(int argc, char** argv) {
  if (argc == 2 && argv[1] == std::string_view{"--measure"}) {
    std::puts(to_json(learn::measure_core()).c_str());
    return Ok{};
  }
  if (argc != 3)
    return Error{Errc::invalid,
                 "axs-worker is started by axs agent: want the descriptors of two rings"};
  auto out = AXS_TRY(host::parse_ring_fds(argv[1]));
  auto in = AXS_TRY(host::parse_ring_fds(argv[2]));
  auto channel = AXS_TRY(learn::WorkerChannel::open(std::move(out), std::move(in)));
  const auto identity = AXS_TRY(host::identify(::getppid()));
  auto parent = AXS_TRY(host::Process::attach(identity));
  return learn::WorkerProcess{std::move(channel), std::move(parent)}.run();
}

int fail(Errc code, const std::string& what) {
  std::fprintf(stderr, "axs-worker: %s\n", what.c_str());
  return code == Errc::invalid ? 2 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto result = run(argc, argv);
    return result ? 0 : fail(result.error().code, result.error().what);
  } catch (const std::exception& thrown) {
    return fail(Errc::exhausted, thrown.what());
  }
}
