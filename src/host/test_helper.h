#pragma once

#include <cstdlib>
#include <string>

#include "axs/host/process.h"

/// A test that needs a second process runs one of its own skipped test cases in it.
namespace axs::host {

/// The options that run the test case `name` of this very program in another process; what it needs
/// to know comes in the environment variable AXS_TEST_ARGUMENT.
inline SpawnOptions run_test_case(const std::string& name, const std::string& argument) {
  return {.arguments = {"/proc/self/exe", "--no-skip", "--test-case=" + name},
          .environment = {"AXS_TEST_ARGUMENT=" + argument},
          .log = "/dev/null"};
}

/// What run_test_case() was given, in the other process.
inline std::string test_argument() {
  const char* argument = std::getenv("AXS_TEST_ARGUMENT");
  return argument ? argument : "";
}

}  // namespace axs::host
