#include "axs/live/certificates.h"

#include <doctest/doctest.h>

#include <fstream>

#include "axs/live/run_testing.h"

using namespace axs;
using namespace axs::live;
using namespace axs::live::testing;

namespace {

bool only_for_owner(const std::filesystem::path& path) {
  using std::filesystem::perms;
  return std::filesystem::status(path).permissions() == (perms::owner_read | perms::owner_write);
}

}  // namespace

TEST_CASE("certificates: name the run and the site; the controller is no site") {
  const CertificateAuthority ca = authority();
  const Credentials site = must(ca.issue_with_key("fra", noon));
  CHECK(must(certificate_identity(site.certificate)) == Identity{"r1", "fra"});
  CHECK(Identity{"r1", "fra"}.uri() == "axs://run/r1/site/fra");
  const Credentials controller = must(ca.issue_with_key("", noon));
  CHECK(must(certificate_identity(controller.certificate)) == Identity{"r1", ""});
  CHECK_FALSE(certificate_identity(ca.certificate()));
  CHECK(must(certificate_fingerprint(ca.certificate())) == ca.fingerprint());
}

TEST_CASE("certificates: names that could smuggle in another identity are refused") {
  for (const char* name : {"", "a/site/b", "a,URI:axs://run/r1/site/tyo", "a b", "ä", "a\nb"}) {
    CHECK_FALSE(CertificateAuthority::create(name, noon));
    CHECK_FALSE(check_name("site", name));
  }
  CHECK_FALSE(authority().issue_with_key("a/b", noon));
  CHECK_FALSE(check_name("site", std::string(65, 'a')));
  CHECK(check_name("site", std::string(64, 'a')));
}

TEST_CASE("certificates: an altered request is refused") {
  std::string request = must(create_certificate_request(must(create_private_key())));
  CHECK(authority().issue("fra", request, noon));
  const std::size_t middle = request.size() / 2;
  request[middle] = request[middle] == 'A' ? 'B' : 'A';
  CHECK_FALSE(authority().issue("fra", request, noon));
  CHECK_FALSE(authority().issue("fra", "", noon));
}

TEST_CASE("certificates: an authority and credentials survive being stored") {
  const TemporaryFolder folder;
  const CertificateAuthority ca = authority("run-7");
  must(ca.save(folder.path()));
  for (const char* file : {"key.pem", "ca.pem"}) CHECK(only_for_owner(folder.path() / file));
  const CertificateAuthority loaded = must(CertificateAuthority::load(folder.path()));
  CHECK(loaded.run() == "run-7");
  CHECK(loaded.fingerprint() == ca.fingerprint());
  const Credentials own = must(loaded.issue_with_key("fra", noon));
  must(own.save(folder.path()));
  const Credentials back = must(Credentials::load(folder.path()));
  CHECK(back.key == own.key);
  CHECK(back.certificate == own.certificate);
  CHECK(back.ca_certificate == own.ca_certificate);
  // The site's key has just replaced the authority's.
  CHECK_FALSE(CertificateAuthority::load(folder.path()));
}
