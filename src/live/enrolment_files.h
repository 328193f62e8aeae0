#pragma once

#include <string>
#include <variant>

#include "axs/live/enrolment.h"

/// What enrolment keeps on the disk: the desk's part in the folder of the run's authority, an
/// agent's part in the folder of its site. Whoever is killed in between goes on from there.
namespace axs::live {

/// A desk in a folder: the authority (`key.pem`, `ca.pem`), the credentials that it shows
/// (`controller/`) and the records of its tokens (`tokens`). One process at a time may have it.
class StoredDesk {
 public:
  /// The desk of a new run, in a folder that is there.
  static Result<StoredDesk> create(const std::string& folder, std::string_view run,
                                   catalog::UtcTime now);
  static Result<StoredDesk> open(const std::string& folder);

  /// As EnrolmentDesk's; the record is on the disk when they return.
  Result<EnrolmentToken> invite(std::string_view site, catalog::UtcTime expires);
  Result<EnrolmentReply> decide(const EnrolmentRequest& request, catalog::UtcTime now);
  /// The agent's end of a conversation with this desk.
  Result<EnrolmentServer> serve() const { return EnrolmentServer::create(controller_); }

 private:
  StoredDesk(std::string folder, EnrolmentDesk desk, Credentials controller)
      : folder_{std::move(folder)}, desk_{std::move(desk)}, controller_{std::move(controller)} {}
  Result<> save() const;

  std::string folder_;
  EnrolmentDesk desk_;
  Credentials controller_;
};

/// In the folder of a site, `credentials/` (its key from the first start on, the rest once it is
/// enrolled) and `token` until then.
bool enrolled(const std::string& site_folder);
/// Durably, for its owner only.
Result<> save_token(const std::string& site_folder, const EnrolmentToken& token);

using SiteIdentity = std::variant<Newcomer, Credentials>;
/// What the agent of that site is. A newcomer's key is on the disk when this returns.
Result<SiteIdentity> load_identity(const std::string& site_folder, const Identity& who);
/// The agent has been enrolled: its credentials are on the disk and its token is gone when this
/// returns.
Result<> save_credentials(const std::string& site_folder, const Credentials& credentials);

/// The enrolment of an agent that has the desk on its own disk: the whole conversation.
Result<Credentials> enrol_at(StoredDesk& desk, Newcomer newcomer, catalog::UtcTime now);

}  // namespace axs::live
