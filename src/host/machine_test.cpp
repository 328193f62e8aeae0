#include "axs/host/machine.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "axs/host/process.h"

using namespace axs;
using namespace axs::host;

TEST_CASE("machine: the facts are plausible and asking changes nothing") {
  const int nice_before = ::getpriority(PRIO_PROCESS, 0);
  const MachineFacts facts = read_machine();
  CHECK(facts.cores >= 1);
  CHECK(facts.memory > (1u << 28));
  CHECK_FALSE(facts.cpu_model.empty());
  CHECK(facts.kernel.starts_with("Linux "));
  CHECK(facts.system.find('"') == std::string::npos);
  CHECK(::getpriority(PRIO_PROCESS, 0) == nice_before);
}

TEST_CASE("machine: what a process has used") {
  const auto before = usage_of(0);
  REQUIRE(before);
  std::vector<std::uint8_t> memory(32 << 20, 1);
  const auto after = usage_of(::getpid());
  REQUIRE(after);
  CHECK(after->cpu > before->cpu);
  CHECK(after->resident_bytes > before->resident_bytes + (16 << 20));
  auto child = Child::spawn({.arguments = {"/bin/sh", "-c", "exec sleep 1000"}});
  REQUIRE(child);
  CHECK(usage_of(child->identity().pid));
  REQUIRE(child->signal(9));
  child->wait();
  CHECK(usage_of(child->identity().pid).error().code == Errc::not_found);
}
