#pragma once

#include <optional>
#include <string>
#include <vector>

#include "axs/host/process.h"
#include "axs/live/link_spec.h"

/// The links of one machine: folders of records, and the processes that are their ends. Nothing
/// runs but those: who is alive says the lock that each end holds.
namespace axs::live {

/// Makes the folder of a new link with its own authority and the credentials of its local ends; the
/// record comes last, so a link that a crash left half made is none. Errc::invalid if there is one
/// of that name.
Result<> create_link(const LinkFolder& folder, const LinkSpec& spec);
/// For another machine to be the other end; of a link that was created here.
Result<LinkInvitation> invite(const LinkFolder& folder, const LinkSpec& spec);
/// The same for a link that another machine has created; `at`: where this end is to receive.
/// Errc::invalid, and nothing is made, if the invitation makes no end.
Result<LinkSpec> join_link(const LinkFolder& folder, LinkInvitation invitation,
                           std::optional<Endpoint> at);

/// The process that is that end, if it is alive.
std::optional<host::ProcessIdentity> end_process(const LinkFolder& folder, LinkSide side);
/// Starts an end as a process that goes on when this one ends. `program` is the path of axs.
Result<> start_end(const std::string& program, const LinkFolder& folder, LinkSide side);
/// Waits until all local ends say that they are up, or at least look for a peer elsewhere. An error
/// tells what an end had to say before it ended. Errc::timeout: they do not find each other.
Result<> await_link(const LinkFolder& folder, const LinkSpec& spec);
/// Ends it, if need be by force, and waits for that.
Result<> stop_end(const LinkFolder& folder, LinkSide side);
/// What the end has written last about itself, a JSON object; empty before it did.
std::string end_stats(const LinkFolder& folder, LinkSide side);
/// The last line that the end has said since it was started, mostly why it ended; or nothing.
std::string last_words(const LinkFolder& folder, LinkSide side);
/// All breaches of the link's promise, each a JSON object.
Result<std::vector<std::string>> breaches_of(const LinkFolder& folder);
/// The names of all links in a folder of links, sorted.
std::vector<std::string> links_in(const std::string& folder);

}  // namespace axs::live
