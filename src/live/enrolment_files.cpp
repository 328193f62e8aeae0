#include "axs/live/enrolment_files.h"

#include <filesystem>

#include "axs/live/checked_file.h"

namespace axs::live {

namespace {

constexpr std::size_t records_size_max = std::size_t{16} << 20;
constexpr std::size_t token_size_max = 1024;

std::string records_path(const std::string& folder) {
  return folder + "/tokens";
}
std::string controller_path(const std::string& folder) {
  return folder + "/controller";
}
std::string token_path(const std::string& site_folder) {
  return site_folder + "/token";
}
std::string credentials_path(const std::string& site_folder) {
  return site_folder + "/credentials";
}

Result<> remove_token(const std::string& site_folder) {
  std::error_code error;
  const bool removed = std::filesystem::remove(token_path(site_folder), error);
  if (error) return Error{Errc::unavailable, token_path(site_folder) + ": " + error.message()};
  return removed ? host::sync_folder(site_folder) : Result<>{Ok{}};
}

Result<EnrolmentToken> load_token(const std::string& site_folder, const Identity& who) {
  const std::string path = token_path(site_folder);
  const auto bytes = host::read_file(path, token_size_max);
  if (!bytes && bytes.error().code == Errc::not_found)
    return Error{Errc::not_found, path + ": no token there and the site has no certificate, want " +
                                      "the token of its invitation to the run"};
  if (!bytes) return bytes.error();
  std::string text{bytes->begin(), bytes->end()};
  if (text.ends_with('\n')) text.pop_back();
  auto token = EnrolmentToken::parse(text);
  if (!token) return Error{Errc::invalid, path + ": " + token.error().what};
  if (token->run == who.run) return token;
  return Error{Errc::invalid, path + ": for run " + token->run + ", want one for run " + who.run};
}

}  // namespace

Result<StoredDesk> StoredDesk::create(const std::string& folder, std::string_view run,
                                      catalog::UtcTime now) {
  auto authority = AXS_TRY(CertificateAuthority::create(run, now));
  AXS_TRY(authority.save(folder));
  auto controller = AXS_TRY(authority.issue_with_key("", now));
  AXS_TRY(host::make_folder(controller_path(folder)));
  AXS_TRY(controller.save(controller_path(folder)));
  StoredDesk desk{folder, EnrolmentDesk{std::move(authority), {}}, std::move(controller)};
  AXS_TRY(desk.save());
  return desk;
}

Result<StoredDesk> StoredDesk::open(const std::string& folder) {
  auto authority = AXS_TRY(CertificateAuthority::load(folder));
  auto controller = AXS_TRY(Credentials::load(controller_path(folder)));
  const std::string path = records_path(folder);
  const ByteVector record = AXS_TRY(read_checked(path, records_size_max));
  auto tokens = AXS_TRY(from_wire<std::vector<TokenRecord>>(record, path));
  return StoredDesk{folder, EnrolmentDesk{std::move(authority), std::move(tokens)},
                    std::move(controller)};
}

Result<> StoredDesk::save() const {
  return write_checked(records_path(folder_), to_wire(desk_.records()),
                       host::FileAccess::owner_only);
}

Result<EnrolmentToken> StoredDesk::invite(std::string_view site, catalog::UtcTime expires) {
  const EnrolmentToken token = AXS_TRY(desk_.invite(site, expires));
  AXS_TRY(save());
  return token;
}

Result<EnrolmentReply> StoredDesk::decide(const EnrolmentRequest& request, catalog::UtcTime now) {
  EnrolmentReply reply = desk_.decide(request, now);
  if (std::holds_alternative<EnrolmentGrant>(reply)) AXS_TRY(save());
  return reply;
}

bool enrolled(const std::string& site_folder) {
  return Credentials::present(credentials_path(site_folder));
}

Result<> save_token(const std::string& site_folder, const EnrolmentToken& token) {
  const std::string text = token.text() + "\n";
  AXS_TRY(host::make_folder(site_folder));
  return host::write_file_atomically(
      token_path(site_folder), {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
      host::FileAccess::owner_only);
}

Result<SiteIdentity> load_identity(const std::string& site_folder, const Identity& who) {
  const std::string path = credentials_path(site_folder);
  if (enrolled(site_folder)) {
    AXS_TRY(remove_token(site_folder));  // Its last life may have been killed before it did.
    return SiteIdentity{AXS_TRY(Credentials::load(path))};
  }
  const EnrolmentToken token = AXS_TRY(load_token(site_folder, who));
  AXS_TRY(host::make_folder(path));
  const std::string key = AXS_TRY(keep_private_key(path));
  return SiteIdentity{Newcomer{token, who.site, key}};
}

Result<> save_credentials(const std::string& site_folder, const Credentials& credentials) {
  AXS_TRY(credentials.save(credentials_path(site_folder)));
  return remove_token(site_folder);
}

Result<Credentials> enrol_at(StoredDesk& desk, Newcomer newcomer, catalog::UtcTime now) {
  EnrolmentClient client = AXS_TRY(EnrolmentClient::create(std::move(newcomer), now));
  EnrolmentServer server = AXS_TRY(desk.serve());
  while (!client.finished()) {
    const ByteVector asked = client.take_output();
    AXS_TRY(server.feed(asked));
    if (server.request() && !server.finished()) {
      const EnrolmentReply reply = AXS_TRY(desk.decide(*server.request(), now));
      AXS_TRY(server.answer(reply));
    }
    const ByteVector said = server.take_output();
    AXS_ASSERT(!asked.empty() || !said.empty());
    AXS_TRY(client.feed(said));
  }
  return *client.outcome();
}

}  // namespace axs::live
