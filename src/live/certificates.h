#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "axs/catalog/utc.h"
#include "axs/core/crypto.h"
#include "axs/core/result.h"

/// The certificates of one run: a certificate authority of its own, and one certificate for each
/// agent and for the controller. All keys are Ed25519. The key exchange is post-quantum and the
/// signatures are not: recorded traffic stays secret from a later quantum computer, and nobody can
/// forge a signature after the fact for a handshake that is over.
namespace axs::live {

/// Who a certificate speaks for; a URI in its subjectAltName. The controller has no site name.
struct Identity {
  std::string run;
  std::string site;
  bool operator==(const Identity&) const = default;

  /// "axs://run/<run>/site/<site>" or "axs://run/<run>/controller".
  std::string uri() const;
};

/// Run ids and site names are 1 to 64 letters, digits, '-' and '_'; so they are safe wherever text
/// is put together. `what` names the thing in the error.
Result<> check_name(std::string_view what, std::string_view name);

/// What an endpoint needs to prove who it is and to check others. PEM text.
struct Credentials {
  std::string key;
  std::string certificate;
  std::string ca_certificate;

  /// Files of mode 0600 in `folder`, each written atomically, the certificate last.
  Result<> save(const std::filesystem::path& folder) const;
  static Result<Credentials> load(const std::filesystem::path& folder);
  /// Whether save() has been there to its end.
  static bool present(const std::filesystem::path& folder);
};

/// A new Ed25519 key, as PEM.
Result<std::string> create_private_key();
/// The key that save() would write to `folder`, or a new one, which is on the disk afterwards.
Result<std::string> keep_private_key(const std::filesystem::path& folder);
/// A PKCS #10 request that proves possession of the key and asks for nothing else: the authority
/// decides what identity it certifies.
Result<std::string> create_certificate_request(const std::string& key);
/// The SHA-256 of the public key in a request that is signed with it.
Result<Hash256> requested_key(const std::string& request);
/// Whether the certificate is for this private key.
Result<bool> belongs_together(const std::string& key, const std::string& certificate);
/// The SHA-256 of the certificate in DER form.
Result<Hash256> certificate_fingerprint(const std::string& certificate);
/// Whom the certificate names. It is not checked who signed it.
Result<Identity> certificate_identity(const std::string& certificate);

/// The root of a run. Its key never leaves the controller.
class CertificateAuthority {
 public:
  /// Certificates are valid from a day before, as clocks differ, and for so long from now.
  static constexpr Duration authority_validity = seconds(366 * 86'400);
  static constexpr Duration certificate_validity = seconds(90 * 86'400);

  static Result<CertificateAuthority> create(std::string_view run, catalog::UtcTime now);
  static Result<CertificateAuthority> load(const std::filesystem::path& folder);
  Result<> save(const std::filesystem::path& folder) const;

  const std::string& run() const { return run_; }
  const std::string& certificate() const { return certificate_; }
  const Hash256& fingerprint() const { return fingerprint_; }

  /// A certificate for the key in the request, if the request is signed with it. An empty site
  /// means the controller.
  Result<std::string> issue(std::string_view site, const std::string& request,
                            catalog::UtcTime now) const;
  /// A new key and its certificate.
  Result<Credentials> issue_with_key(std::string_view site, catalog::UtcTime now) const;

 private:
  CertificateAuthority(std::string run, std::string key, std::string certificate, Hash256 print);

  std::string run_, key_, certificate_;
  Hash256 fingerprint_;
};

}  // namespace axs::live
