#include "axs/core/crypto.h"

#include <doctest/doctest.h>

using namespace axs;

namespace {
ByteVector bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}
}  // namespace

TEST_CASE("crypto: SHA-256 of FIPS 180-4's example, in one piece and in two") {
  const std::string want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  CHECK(to_hex(sha256(bytes_of("abc"))) == want);
  Sha256 sha;
  sha.update(bytes_of("a"));
  (void)sha.value();
  sha.update(bytes_of("bc"));
  CHECK(to_hex(sha.value()) == want);
}

TEST_CASE("crypto: HKDF-Expand of RFC 5869 test case 1, its first 32 bytes") {
  const Key256 prk{0x07, 0x77, 0x09, 0x36, 0x2c, 0x2e, 0x32, 0xdf, 0x0d, 0xdc, 0x3f,
                   0x0d, 0xc4, 0x7b, 0xba, 0x63, 0x90, 0xb6, 0xc7, 0x3b, 0xb5, 0x0f,
                   0x9c, 0x31, 0x22, 0xec, 0x84, 0x4a, 0xd7, 0xc2, 0xb3, 0xe5};
  const std::string info{"\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9"};
  CHECK(to_hex(hkdf_expand(prk, info)) ==
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
}

TEST_CASE("crypto: a sealed packet opens, an altered one does not") {
  Aead aead{Key256{1, 2, 3}};
  const Nonce96 nonce{9};
  const ByteVector header = bytes_of("head"), plain = bytes_of("a gradient");
  ByteVector sealed(plain.size() + Aead::tag_size), opened(plain.size());
  aead.seal(nonce, header, plain, sealed);
  REQUIRE(aead.open(nonce, header, sealed, opened));
  CHECK(opened == plain);
  CHECK_FALSE(aead.open(Nonce96{8}, header, sealed, opened));
  CHECK_FALSE(aead.open(nonce, bytes_of("Head"), sealed, opened));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    ByteVector altered = sealed;
    altered[i] ^= 1;
    CHECK_FALSE(aead.open(nonce, header, altered, opened));
  }
}
