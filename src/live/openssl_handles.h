#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <optional>
#include <string>

#include "axs/core/crypto.h"

/// Owners of OpenSSL's objects, and what our files say about its certificates to each other. Only
/// .cpp files include this.
namespace axs::live {

template <auto Function>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    Function(object);
  }
};

using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using KeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, FreeWith<EVP_PKEY_CTX_free>>;
using CertificatePtr = std::unique_ptr<X509, FreeWith<X509_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, FreeWith<X509_REQ_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;
using StorePtr = std::unique_ptr<X509_STORE, FreeWith<X509_STORE_free>>;
using SslContextPtr = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, FreeWith<SSL_free>>;

/// A view of the text as a BIO; the text must outlive it.
BioPtr bio_over(const std::string& text);
/// The URI that is the certificate's one subjectAltName; nothing if it has none, others or more.
std::optional<std::string> uri_of(const X509* certificate);
/// The SHA-256 of the certificate in DER form.
Hash256 fingerprint_of(const X509* certificate);

}  // namespace axs::live
