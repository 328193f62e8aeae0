// What a stranger may send to either end of a handshake or of an enrolment, and certificates in PEM
// form. Nobody who does not hold a key of the run gets through.
#include "axs/live/enrolment.h"
#include "axs/live/tls.h"
#include "target.h"

namespace axs::fuzz {
namespace {

using namespace live;

constexpr catalog::UtcTime noon{1'760'000'000'000'000'000};
enum Kind : std::uint8_t { to_client, to_server, to_desk, to_enrolling, as_certificate, kinds };

struct Run {
  CertificateAuthority authority = *CertificateAuthority::create("r1", noon);
  Credentials sfo = *authority.issue_with_key("sfo", noon);
  Credentials controller = *authority.issue_with_key("", noon);
};

const Run& the_run() {
  static const Run run;
  return run;
}

TlsEndpoint endpoint(net::TlsRole role) {
  return *TlsEndpoint::for_session(role, the_run().sfo, {"r1", "fra"}, noon);
}

std::vector<ByteVector> seeds() {
  const Run& run = the_run();
  const ByteVector hello = endpoint(net::TlsRole::client).take_output();
  TlsEndpoint server = endpoint(net::TlsRole::server);
  (void)server.feed(hello).has_value();
  return {tagged(to_client, server.take_output()),
          tagged(to_server, hello),
          tagged(to_desk, hello),
          tagged(to_enrolling, hello),
          tagged(as_certificate, bytes_of(run.sfo.certificate)),
          tagged(as_certificate, bytes_of(run.authority.certificate()))};
}

void talk(TlsEndpoint end, ByteView bytes) {
  (void)end.feed(bytes).has_value();
  (void)end.take_output();
  AXS_ASSERT(!end.finished());
}

void enrol(ByteView bytes) {
  const EnrolmentToken token{"r1", {1}, the_run().authority.fingerprint()};
  auto client = EnrolmentClient::create({token, "fra", the_run().sfo.key}, noon);
  (void)client->feed(bytes).has_value();
  AXS_ASSERT(!client->finished());
}

void read_certificate(const std::string& pem) {
  (void)certificate_identity(pem).has_value();
  (void)certificate_fingerprint(pem).has_value();
  (void)the_run().authority.issue("tyo", pem, noon).has_value();
  (void)requested_key(pem).has_value();
  (void)belongs_together(the_run().sfo.key, pem).has_value();
}

void run(ByteView input) {
  const ByteView bytes = input.subspan(1);
  switch (input[0] % kinds) {
    case to_client:
      return talk(endpoint(net::TlsRole::client), bytes);
    case to_server:
      return talk(endpoint(net::TlsRole::server), bytes);
    case to_desk:
      (void)EnrolmentServer::create(the_run().controller)->feed(bytes).has_value();
      return;
    case to_enrolling:
      return enrol(bytes);
    default:
      return read_certificate(std::string{text_of(bytes)});
  }
}

}  // namespace

const Target target{.seeds = seeds, .mutations = 1'000, .memory_base = 1 << 20};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) axs::fuzz::run({data, size});
  return 0;
}
