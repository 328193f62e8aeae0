#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "axs/core/wire.h"

/// The thin header behind which libcrypto stands. Deterministic: keys and nonces are handed in.
namespace axs {

using Hash256 = std::array<std::uint8_t, 32>;
using Key256 = std::array<std::uint8_t, 32>;
using Nonce96 = std::array<std::uint8_t, 12>;

/// SHA-256 (FIPS 180-4) of data that comes in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(ByteView data);
  /// The hash of all so far; more may follow.
  Hash256 value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Hash256 sha256(ByteView data);

/// Lower-case hexadecimal digits.
std::string to_hex(ByteView data);

/// HMAC with SHA-256 (RFC 2104).
Hash256 hmac_sha256(const Key256& key, ByteView data);

/// HKDF-Expand with SHA-256 (RFC 5869 section 2.3); `secret` is already uniform.
Key256 hkdf_expand(const Key256& secret, std::string_view info);

/// AES-256-GCM (NIST SP 800-38D) with one key for many packets. A nonce must never come twice under
/// one key.
class Aead {
 public:
  static constexpr std::size_t tag_size = 16;

  explicit Aead(const Key256& key);
  ~Aead();
  Aead(Aead&&) noexcept;
  Aead& operator=(Aead&&) noexcept;

  /// Encrypts `plain` into `sealed`, which is tag_size longer; they may start at the same address.
  void seal(const Nonce96& nonce, ByteView header, ByteView plain, std::span<std::uint8_t> sealed);
  /// Decrypts into `plain`, which is tag_size shorter. False if anything was altered; `plain` is
  /// then not to be used.
  bool open(const Nonce96& nonce, ByteView header, ByteView sealed, std::span<std::uint8_t> plain);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace axs
