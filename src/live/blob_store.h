#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "axs/core/crypto.h"
#include "axs/core/result.h"

namespace axs::live {

/// Contributions by their SHA-256, in memory and in a folder. What was put is there again after the
/// process was killed; it is not forced to the disk, because a site that lost it in a power cut
/// asks its peers for it.
class BlobStore {
 public:
  using Blob = std::shared_ptr<const ByteVector>;

  /// Opens the folder, made if it is not there. Files that do not hash to their name, torn by a
  /// crash, are removed.
  static Result<BlobStore> open(const std::string& folder);

  /// Keeps the bytes under `content`, which must be their hash: Errc::corrupt, and nothing is kept,
  /// if it is not.
  Result<> put(const Hash256& content, ByteView bytes);
  /// Null if they are not here. They live as long as anyone holds them, forgotten or not.
  Blob find(const Hash256& content) const;
  void forget(const Hash256& content);
  std::vector<Hash256> contents() const;
  /// Of all that is kept, together.
  std::uint64_t bytes() const;

 private:
  explicit BlobStore(std::string folder) : folder_{std::move(folder)} {}
  Result<> load();
  std::string path_of(const Hash256& content) const;

  std::string folder_;
  std::map<Hash256, Blob> blobs_;
};

}  // namespace axs::live
