#include "axs/core/crypto.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>

namespace axs {

namespace {

/// libcrypto fails here only when it is out of memory or misbuilt: neither can be handled.
void require(int status) {
  AXS_ASSERT(status == 1);
}

int length(std::size_t size) {
  AXS_ASSERT(size <= 0x7fffffff);
  return static_cast<int>(size);
}

}  // namespace

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() { AXS_ASSERT(context != nullptr); }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Sha256::Sha256() : state_{std::make_unique<State>()} {
  require(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr));
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(ByteView data) {
  require(EVP_DigestUpdate(state_->context, data.data(), data.size()));
}

Hash256 Sha256::value() const {
  State copy;
  require(EVP_MD_CTX_copy_ex(copy.context, state_->context));
  Hash256 hash;
  require(EVP_DigestFinal_ex(copy.context, hash.data(), nullptr));
  return hash;
}

Hash256 sha256(ByteView data) {
  Sha256 sha;
  sha.update(data);
  return sha.value();
}

std::string to_hex(ByteView data) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * data.size());
  for (const std::uint8_t byte : data) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

Hash256 hmac_sha256(const Key256& key, ByteView data) {
  Hash256 hash;
  unsigned size = 0;
  AXS_ASSERT(HMAC(EVP_sha256(), key.data(), length(key.size()), data.data(), data.size(),
                  hash.data(), &size) != nullptr);
  AXS_ASSERT(size == hash.size());
  return hash;
}

Key256 hkdf_expand(const Key256& secret, std::string_view info) {
  // One block of output: T(1) = HMAC(secret, info | 0x01).
  ByteVector block{info.begin(), info.end()};
  block.push_back(1);
  return hmac_sha256(secret, block);
}

struct Aead::State {
  EVP_CIPHER_CTX* seal = EVP_CIPHER_CTX_new();
  EVP_CIPHER_CTX* open = EVP_CIPHER_CTX_new();
  State() { AXS_ASSERT(seal != nullptr && open != nullptr); }
  ~State() {
    EVP_CIPHER_CTX_free(seal);
    EVP_CIPHER_CTX_free(open);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Aead::Aead(const Key256& key) : state_{std::make_unique<State>()} {
  require(EVP_EncryptInit_ex(state_->seal, EVP_aes_256_gcm(), nullptr, key.data(), nullptr));
  require(EVP_DecryptInit_ex(state_->open, EVP_aes_256_gcm(), nullptr, key.data(), nullptr));
}
Aead::~Aead() = default;
Aead::Aead(Aead&&) noexcept = default;
Aead& Aead::operator=(Aead&&) noexcept = default;

void Aead::seal(const Nonce96& nonce, ByteView header, ByteView plain,
                std::span<std::uint8_t> sealed) {
  AXS_ASSERT(sealed.size() == plain.size() + tag_size);
  EVP_CIPHER_CTX* context = state_->seal;
  int written = 0;
  require(EVP_EncryptInit_ex2(context, nullptr, nullptr, nonce.data(), nullptr));
  require(EVP_EncryptUpdate(context, nullptr, &written, header.data(), length(header.size())));
  require(EVP_EncryptUpdate(context, sealed.data(), &written, plain.data(), length(plain.size())));
  require(EVP_EncryptFinal_ex(context, sealed.data() + plain.size(), &written));
  // Asking by EVP_CIPHER_CTX_ctrl() would cost as much as encrypting 100 bytes.
  OSSL_PARAM tag[] = {OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG,
                                                        sealed.data() + plain.size(), tag_size),
                      OSSL_PARAM_construct_end()};
  require(EVP_CIPHER_CTX_get_params(context, tag));
}

bool Aead::open(const Nonce96& nonce, ByteView header, ByteView sealed,
                std::span<std::uint8_t> plain) {
  if (sealed.size() < tag_size) return false;
  AXS_ASSERT(plain.size() == sealed.size() - tag_size);
  EVP_CIPHER_CTX* context = state_->open;
  int written = 0;
  require(EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()));
  require(EVP_DecryptUpdate(context, nullptr, &written, header.data(), length(header.size())));
  require(EVP_DecryptUpdate(context, plain.data(), &written, sealed.data(), length(plain.size())));
  auto* tag = const_cast<std::uint8_t*>(sealed.data() + plain.size());
  require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, tag_size, tag));
  return EVP_DecryptFinal_ex(context, plain.data() + plain.size(), &written) == 1;
}

}  // namespace axs
