#include "axs/cli/build_info.h"

#include <axs_commit.h>
#include <openssl/crypto.h>

namespace axs::cli {

catalog::BuiltFrom built_from() {
  return {AXS_COMMIT, AXS_COMPILER, AXS_TORCH, OpenSSL_version(OPENSSL_VERSION_STRING)};
}

}  // namespace axs::cli
