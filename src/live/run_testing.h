#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "axs/live/certificates.h"

/// For tests: a run with its authority, at a fixed time. Nothing outside tests includes this.
namespace axs::live::testing {

inline const catalog::UtcTime noon{1'760'000'000'000'000'000};

/// The value of a result that the test needs.
template <class T>
T must(Result<T> result) {
  INFO((result ? std::string{} : result.error().what));
  REQUIRE(result.has_value());
  return *std::move(result);
}

inline CertificateAuthority authority(std::string_view run = "r1") {
  return must(CertificateAuthority::create(run, noon));
}

/// A folder that is removed with this object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "axs-test-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace axs::live::testing
