#include "axs/live/certificates.h"

#include <openssl/pem.h>
#include <openssl/rand.h>

#include <algorithm>
#include <optional>

#include "axs/host/file.h"
#include "axs/live/openssl_handles.h"

namespace axs::live {

BioPtr bio_over(const std::string& text) {
  return BioPtr{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

namespace {

constexpr std::size_t pem_size_max = std::size_t{1} << 20;

Result<> write_pem(const std::filesystem::path& path, const std::string& text) {
  return host::write_file_atomically(
      path.string(), {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
      host::FileAccess::owner_only);
}

Result<std::string> read_pem(const std::filesystem::path& path) {
  const ByteVector bytes = AXS_TRY(host::read_file(path.string(), pem_size_max));
  return std::string{bytes.begin(), bytes.end()};
}

constexpr const char* key_file = "key.pem";
constexpr const char* certificate_file = "certificate.pem";
constexpr const char* ca_file = "ca.pem";

Error unusable(std::string_view what) {
  return {Errc::invalid, std::string{what} + ": unreadable, want PEM text of this program"};
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

Result<KeyPtr> parse_key(const std::string& pem) {
  KeyPtr key{PEM_read_bio_PrivateKey(bio_over(pem).get(), nullptr, nullptr, nullptr)};
  if (!key) return unusable("private key");
  return key;
}

Result<CertificatePtr> parse_certificate(const std::string& pem) {
  CertificatePtr certificate{PEM_read_bio_X509(bio_over(pem).get(), nullptr, nullptr, nullptr)};
  if (!certificate) return unusable("certificate");
  return certificate;
}

Result<RequestPtr> parse_request(const std::string& pem) {
  RequestPtr request{PEM_read_bio_X509_REQ(bio_over(pem).get(), nullptr, nullptr, nullptr)};
  if (!request) return unusable("certificate request");
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  if (key == nullptr || !EVP_PKEY_is_a(key, "ED25519"))
    return Error{Errc::invalid, "certificate request: key of another type, want Ed25519"};
  if (X509_REQ_verify(request.get(), key) != 1)
    return Error{Errc::invalid, "certificate request: not signed with its own key"};
  return request;
}

std::string to_pem(X509* certificate) {
  const BioPtr bio{BIO_new(BIO_s_mem())};
  AXS_ASSERT(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return text_of(bio.get());
}

/// What goes into one certificate beside the key.
struct Contents {
  std::string common_name;
  std::string uri;
  catalog::UtcTime from, until;
  X509* issuer;  ///< Null for a root, which signs itself.
};

void add_extension(X509* certificate, X509* issuer, std::pair<int, std::string> extension) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionPtr made{
      X509V3_EXT_conf_nid(nullptr, &context, extension.first, extension.second.c_str())};
  AXS_ASSERT(made && X509_add_ext(certificate, made.get(), -1) == 1);
}

void set_validity(X509* certificate, const Contents& contents) {
  const auto seconds_of = [](catalog::UtcTime time) { return time.ns / 1'000'000'000; };
  AXS_ASSERT(ASN1_TIME_set(X509_getm_notBefore(certificate), seconds_of(contents.from)));
  AXS_ASSERT(ASN1_TIME_set(X509_getm_notAfter(certificate), seconds_of(contents.until)));
}

void set_random_serial(X509* certificate) {
  std::array<unsigned char, 16> random;
  AXS_ASSERT(RAND_bytes(random.data(), random.size()) == 1);
  random[0] &= 0x7f;  // A serial number is positive (RFC 5280 section 4.1.2.2).
  BIGNUM* number = BN_bin2bn(random.data(), random.size(), nullptr);
  AXS_ASSERT(number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)));
  BN_free(number);
}

CertificatePtr unsigned_certificate(const Contents& contents, EVP_PKEY* subject_key) {
  CertificatePtr made{X509_new()};
  X509* certificate = made.get();
  AXS_ASSERT(certificate && X509_set_version(certificate, X509_VERSION_3) == 1);
  set_random_serial(certificate);
  set_validity(certificate, contents);
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* text = reinterpret_cast<const unsigned char*>(contents.common_name.c_str());
  AXS_ASSERT(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1);
  X509* issuer = contents.issuer ? contents.issuer : certificate;
  AXS_ASSERT(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1);
  AXS_ASSERT(X509_set_pubkey(certificate, subject_key) == 1);
  return made;
}

/// The profile of RFC 5280: a root may sign certificates and nothing else, a leaf may authenticate
/// either end of a connection and nothing else.
std::string signed_certificate(const Contents& contents, EVP_PKEY* subject_key,
                               EVP_PKEY* signing_key) {
  const CertificatePtr certificate = unsigned_certificate(contents, subject_key);
  const bool root = contents.issuer == nullptr;
  X509* issuer = root ? certificate.get() : contents.issuer;
  const auto add = [&](int nid, std::string value) {
    add_extension(certificate.get(), issuer, {nid, std::move(value)});
  };
  add(NID_basic_constraints, root ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE");
  add(NID_key_usage, root ? "critical,keyCertSign" : "critical,digitalSignature");
  if (!root) add(NID_ext_key_usage, "critical,serverAuth,clientAuth");
  add(NID_subject_key_identifier, "hash");
  if (!root) add(NID_authority_key_identifier, "keyid:always");
  add(NID_subject_alt_name, "URI:" + contents.uri);
  AXS_ASSERT(X509_sign(certificate.get(), signing_key, nullptr) > 0);
  return to_pem(certificate.get());
}

std::string run_uri(std::string_view run) {
  return "axs://run/" + std::string{run};
}

catalog::UtcTime not_after(const X509* certificate) {
  std::tm time{};
  AXS_ASSERT(ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) == 1);
  return {static_cast<std::int64_t>(timegm(&time)) * 1'000'000'000};
}

}  // namespace

Result<> check_name(std::string_view what, std::string_view name) {
  const bool good =
      !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
      });
  if (good) return Ok{};
  return Error{Errc::invalid, std::string{what} + " \"" + std::string{name.substr(0, 80)} +
                                  "\": want 1 to 64 letters, digits, '-' and '_'"};
}

std::string Identity::uri() const {
  return run_uri(run) + (site.empty() ? "/controller" : "/site/" + site);
}

Result<> Credentials::save(const std::filesystem::path& folder) const {
  AXS_TRY(write_pem(folder / key_file, key));
  AXS_TRY(write_pem(folder / ca_file, ca_certificate));
  return write_pem(folder / certificate_file, certificate);
}

bool Credentials::present(const std::filesystem::path& folder) {
  std::error_code ignored;
  return std::filesystem::exists(folder / certificate_file, ignored);
}

Result<Credentials> Credentials::load(const std::filesystem::path& folder) {
  // One by one: GCC leaks the fields before an AXS_TRY that returns from within braces.
  Credentials loaded;
  loaded.key = AXS_TRY(read_pem(folder / key_file));
  loaded.certificate = AXS_TRY(read_pem(folder / certificate_file));
  loaded.ca_certificate = AXS_TRY(read_pem(folder / ca_file));
  return loaded;
}

Result<std::string> create_private_key() {
  const KeyPtr key{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
  const BioPtr bio{BIO_new(BIO_s_mem())};
  if (!key ||
      PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return Error{Errc::unavailable, "private key: the random generator failed"};
  return text_of(bio.get());
}

Result<std::string> keep_private_key(const std::filesystem::path& folder) {
  auto kept = read_pem(folder / key_file);
  if (kept || kept.error().code != Errc::not_found) return kept;
  std::string key = AXS_TRY(create_private_key());
  AXS_TRY(write_pem(folder / key_file, key));
  return key;
}

Result<std::string> create_certificate_request(const std::string& key) {
  const KeyPtr parsed = AXS_TRY(parse_key(key));
  const RequestPtr request{X509_REQ_new()};
  AXS_ASSERT(request && X509_REQ_set_pubkey(request.get(), parsed.get()) == 1);
  AXS_ASSERT(X509_REQ_sign(request.get(), parsed.get(), nullptr) > 0);
  const BioPtr bio{BIO_new(BIO_s_mem())};
  AXS_ASSERT(PEM_write_bio_X509_REQ(bio.get(), request.get()) == 1);
  return text_of(bio.get());
}

Result<Hash256> requested_key(const std::string& request) {
  const RequestPtr asked = AXS_TRY(parse_request(request));
  unsigned char* bytes = nullptr;
  const int size = i2d_PUBKEY(X509_REQ_get0_pubkey(asked.get()), &bytes);
  AXS_ASSERT(size > 0);
  const Hash256 hash = sha256({bytes, static_cast<std::size_t>(size)});
  OPENSSL_free(bytes);
  return hash;
}

Result<bool> belongs_together(const std::string& key, const std::string& certificate) {
  const KeyPtr private_key = AXS_TRY(parse_key(key));
  const CertificatePtr parsed = AXS_TRY(parse_certificate(certificate));
  return X509_check_private_key(parsed.get(), private_key.get()) == 1;
}

Hash256 fingerprint_of(const X509* certificate) {
  Hash256 print;
  AXS_ASSERT(X509_digest(certificate, EVP_sha256(), print.data(), nullptr) == 1);
  return print;
}

Result<Hash256> certificate_fingerprint(const std::string& certificate) {
  return fingerprint_of(AXS_TRY(parse_certificate(certificate)).get());
}

std::optional<std::string> uri_of(const X509* certificate) {
  const NamesPtr names{static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr))};
  if (!names || sk_GENERAL_NAME_num(names.get()) != 1) return std::nullopt;
  const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), 0);
  if (name->type != GEN_URI) return std::nullopt;
  const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
  return std::string{reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                     static_cast<std::size_t>(ASN1_STRING_length(uri))};
}

Result<Identity> certificate_identity(const std::string& certificate) {
  const CertificatePtr parsed = AXS_TRY(parse_certificate(certificate));
  const std::string uri = uri_of(parsed.get()).value_or("");
  constexpr std::string_view prefix = "axs://run/";
  Identity identity;
  if (uri.starts_with(prefix)) {
    const std::size_t slash = uri.find('/', prefix.size());
    identity.run = uri.substr(prefix.size(), slash - prefix.size());
    if (const std::size_t at = uri.find("/site/"); at != uri.npos)
      identity.site = uri.substr(at + 6);
  }
  if (!identity.run.empty() && identity.uri() == uri) return identity;
  return Error{Errc::invalid,
               "certificate names \"" + uri + "\", want " + Identity{"<run>", "<site>"}.uri()};
}

CertificateAuthority::CertificateAuthority(std::string run, std::string key,
                                           std::string certificate, Hash256 print)
    : run_{std::move(run)},
      key_{std::move(key)},
      certificate_{std::move(certificate)},
      fingerprint_{print} {}

Result<CertificateAuthority> CertificateAuthority::create(std::string_view run,
                                                          catalog::UtcTime now) {
  AXS_TRY(check_name("run", run));
  const std::string key_text = AXS_TRY(create_private_key());
  const KeyPtr key = AXS_TRY(parse_key(key_text));
  const Contents contents{.common_name = "AXS run " + std::string{run},
                          .uri = run_uri(run),
                          .from = now + -seconds(86'400),
                          .until = now + authority_validity,
                          .issuer = nullptr};
  const std::string certificate = signed_certificate(contents, key.get(), key.get());
  const Hash256 print = AXS_TRY(certificate_fingerprint(certificate));
  return CertificateAuthority{std::string{run}, key_text, certificate, print};
}

Result<CertificateAuthority> CertificateAuthority::load(const std::filesystem::path& folder) {
  const std::string key_text = AXS_TRY(read_pem(folder / key_file));
  const std::string certificate = AXS_TRY(read_pem(folder / ca_file));
  const KeyPtr key = AXS_TRY(parse_key(key_text));
  const CertificatePtr parsed = AXS_TRY(parse_certificate(certificate));
  if (X509_check_private_key(parsed.get(), key.get()) != 1)
    return Error{Errc::corrupt, (folder / key_file).string() + ": not the key of " + ca_file};
  const std::string uri = uri_of(parsed.get()).value_or("");
  const std::string run = uri.substr(std::min(uri.size(), run_uri("").size()));
  if (const auto name = check_name((folder / ca_file).string() + ": run", run); !name)
    return name.error();
  return CertificateAuthority{run, key_text, certificate, fingerprint_of(parsed.get())};
}

Result<> CertificateAuthority::save(const std::filesystem::path& folder) const {
  AXS_TRY(write_pem(folder / key_file, key_));
  return write_pem(folder / ca_file, certificate_);
}

Result<std::string> CertificateAuthority::issue(std::string_view site, const std::string& request,
                                                catalog::UtcTime now) const {
  if (!site.empty()) AXS_TRY(check_name("site", site));
  const RequestPtr asked = AXS_TRY(parse_request(request));
  const KeyPtr key = AXS_TRY(parse_key(key_));
  const CertificatePtr root = AXS_TRY(parse_certificate(certificate_));
  const Identity identity{run_, std::string{site}};
  const Contents contents{.common_name = site.empty() ? "controller" : identity.site,
                          .uri = identity.uri(),
                          .from = now + -seconds(86'400),
                          .until = std::min(now + certificate_validity, not_after(root.get())),
                          .issuer = root.get()};
  return signed_certificate(contents, X509_REQ_get0_pubkey(asked.get()), key.get());
}

Result<Credentials> CertificateAuthority::issue_with_key(std::string_view site,
                                                         catalog::UtcTime now) const {
  const std::string key = AXS_TRY(create_private_key());
  const std::string request = AXS_TRY(create_certificate_request(key));
  const std::string certificate = AXS_TRY(issue(site, request, now));
  return Credentials{key, certificate, certificate_};
}

}  // namespace axs::live
