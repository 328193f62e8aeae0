#include "axs/live/link_spec.h"

#include <charconv>

#include "axs/host/file.h"
#include "axs/live/netns.h"

namespace axs::live {

namespace {

constexpr std::size_t spec_size_max = 1 << 20;

}  // namespace

Result<LinkSpec> load_link(const LinkFolder& folder) {
  const ByteVector bytes = AXS_TRY(host::read_file(folder.spec(), spec_size_max));
  auto spec = AXS_TRY(from_wire<LinkSpec>(bytes, folder.spec()));
  if (spec.version != LinkSpec::current_version)
    return Error{Errc::invalid, folder.spec() + ": version " + std::to_string(spec.version) +
                                    ", want " + std::to_string(LinkSpec::current_version)};
  return spec;
}

Result<> save_link(const LinkFolder& folder, const LinkSpec& spec) {
  return host::write_file_atomically(folder.spec(), to_wire(spec), host::FileAccess::owner_only);
}

Result<Endpoint> parse_endpoint(const std::string& text) {
  const std::size_t colon = text.find(':');
  const char* end = text.data() + text.size();
  Endpoint endpoint;
  if (colon != std::string::npos) {
    const auto read = std::from_chars(text.data() + colon + 1, end, endpoint.port);
    const auto address = parse_ipv4(text.substr(0, colon));
    if (address && read.ec == std::errc{} && read.ptr == end && endpoint.port > 0) {
      endpoint.address = *address;
      return endpoint;
    }
  }
  return Error{Errc::invalid,
               "\"" + text + "\", want an IPv4 address and a port, like 127.0.0.1:7000"};
}

std::string endpoint_text(Endpoint endpoint) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8)
    text += std::to_string(endpoint.address >> shift & 0xff) + (shift > 0 ? "." : ":");
  return text + std::to_string(endpoint.port);
}

}  // namespace axs::live
