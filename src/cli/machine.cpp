#include "axs/cli/machine.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <thread>

#include "axs/cli/kernel.h"

namespace axs::cli {
namespace {

constexpr double gigabyte = 1e9;

/// A size in bytes as people write it.
std::string gigabytes(double bytes) {
  return fmt::format("{:.1f} GB", bytes / gigabyte);
}

Check cores() {
  const unsigned count = capacity().cores;
  if (count >= 2) return {"cores", Level::ok, std::to_string(count), ""};
  return {"cores", Level::limited, std::to_string(count),
          "live runs emulate several sites at once; use a machine with at least 2 cores"};
}

/// The number that stands behind `key` in /proc/meminfo, in bytes; 0 where there is none.
double meminfo(const std::string& key) {
  std::ifstream file{"/proc/meminfo"};
  std::string word;
  double kibibytes = 0;
  while (file >> word)
    if (word == key && file >> kibibytes) return kibibytes * 1024;
  return 0;
}

/// What the control group allows (a container's limit), or infinity.
double memory_limit() {
  std::ifstream file{"/sys/fs/cgroup/memory.max"};
  double bytes = 0;
  return file >> bytes ? bytes : std::numeric_limits<double>::infinity();
}

Check memory() {
  constexpr double enough = 3.5 * gigabyte;
  const double bytes = capacity().memory;
  if (bytes >= enough) return {"memory", Level::ok, gigabytes(bytes), ""};
  return {"memory", Level::missing, gigabytes(bytes),
          fmt::format("three workers and the build want {}", gigabytes(enough))};
}

Check disk() {
  constexpr double enough = 2 * gigabyte;
  struct statvfs status{};
  const bool known = statvfs(".", &status) == 0;
  const double bytes =
      known ? static_cast<double>(status.f_bavail) * static_cast<double>(status.f_frsize) : 0;
  const std::string seen = gigabytes(bytes) + " free here";
  if (bytes >= enough) return {"disk", Level::ok, seen, ""};
  return {"disk", Level::missing, seen, fmt::format("make room, want {}", gigabytes(enough))};
}

bool has_algorithm(const char* name) {
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context{
      EVP_PKEY_CTX_new_from_name(nullptr, name, nullptr), EVP_PKEY_CTX_free};
  return context != nullptr;
}

Check openssl() {
  const std::string seen = OpenSSL_version(OPENSSL_VERSION);
  if (has_algorithm("ML-KEM-768") && has_algorithm("X25519MLKEM768"))
    return {"OpenSSL", Level::ok, seen + ", with ML-KEM-768", ""};
  return {"OpenSSL", Level::missing, seen + ", without ML-KEM-768",
          "remove .axs/openssl and run ./axs setup"};
}

Check libtorch() {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::path tools{AXS_TOOLS_FOLDER};
  for (const auto& python : fs::directory_iterator{tools / "venv" / "lib", ignored}) {
    const fs::path library = python.path() / "site-packages/torch/lib/libtorch_cpu.so";
    if (fs::exists(library, ignored)) return {"libtorch", Level::ok, library.string(), ""};
  }
  return {"libtorch", Level::missing, "not in " + tools.string(), "run ./axs setup"};
}

struct Feature {
  const char* name;
  bool (*works)();
  const char* advice;
};

/// None of these is needed by a run of plain processes.
constexpr Feature features[] = {
    {"network namespaces", network_namespaces_work,
     "only for other programs behind the emulator: run as root"},
    {"veth", veth_works, "only for other programs behind the emulator: load the module veth"},
    {"tun", tun_works, "only for other programs behind the emulator: load the module tun"},
    {"UDP GSO", udp_gso_works, "sending costs more processor time: use Linux 4.18 or newer"},
    {"UDP GRO", udp_gro_works, "receiving costs more processor time: use Linux 5.0 or newer"},
    {"real-time priority", realtime_priority_works,
     "the emulator may release packets later: run as root or raise rtprio in limits.conf"},
};

Check try_feature(const Feature& feature) {
  if (feature.works()) return {feature.name, Level::ok, "works", ""};
  return {feature.name, Level::limited, "does not work", feature.advice};
}

}  // namespace

Capacity capacity() {
  return {std::max(1u, std::thread::hardware_concurrency()),
          std::min(meminfo("MemTotal:"), memory_limit())};
}

std::vector<Check> examine_machine() {
  std::vector<Check> checks{cores(), memory(), disk(), openssl(), libtorch()};
  for (const Feature& feature : features) checks.push_back(try_feature(feature));
  return checks;
}

}  // namespace axs::cli
