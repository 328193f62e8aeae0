/* Does this OpenSSL do what AXS wants of it: version 3.5, ML-KEM-768, the hybrid X25519MLKEM768? */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

/* A key, a secret sealed to it, and the same secret opened again. */
static int round_trip(const char* algorithm) {
  unsigned char sealed[4096], sent[128], got[128];
  size_t sealed_size = sizeof sealed, sent_size = sizeof sent, got_size = sizeof got;
  EVP_PKEY* key = EVP_PKEY_Q_keygen(NULL, NULL, algorithm);
  if (!key) return 0;
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
  int good = context && EVP_PKEY_encapsulate_init(context, NULL) > 0 &&
             EVP_PKEY_encapsulate(context, sealed, &sealed_size, sent, &sent_size) > 0 &&
             EVP_PKEY_decapsulate_init(context, NULL) > 0 &&
             EVP_PKEY_decapsulate(context, got, &got_size, sealed, sealed_size) > 0 &&
             sent_size == got_size && memcmp(sent, got, got_size) == 0;
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(key);
  return good;
}

static int speaks_hybrid_tls(void) {
  SSL_CTX* context = SSL_CTX_new(TLS_method());
  int good = context && SSL_CTX_set1_groups_list(context, "X25519MLKEM768") == 1;
  SSL_CTX_free(context);
  return good;
}

int main(void) {
  printf("%s\n", OpenSSL_version(OPENSSL_VERSION));
  int version = OPENSSL_version_major() == 3 && OPENSSL_version_minor() == 5;
  int kem = round_trip("ML-KEM-768"), hybrid = round_trip("X25519MLKEM768"),
      tls = speaks_hybrid_tls();
  printf("version 3.5 %d, ML-KEM-768 %d, X25519MLKEM768 %d, in TLS %d\n", version, kem, hybrid,
         tls);
  return version && kem && hybrid && tls ? 0 : 1;
}
