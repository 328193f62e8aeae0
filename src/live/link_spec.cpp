#include "axs/live/link_spec.h"

#include "axs/host/file.h"

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

}  // namespace axs::live
