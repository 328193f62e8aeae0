#include "axs/learn/site_worker.h"

#include "axs/learn/ring_worker.h"
#include "axs/learn/worker.h"

namespace axs::learn {

namespace {

template <class Kind>
Result<std::unique_ptr<SiteWorker>> create_as(const train::Begin& begin) {
  return std::unique_ptr<SiteWorker>{std::make_unique<Kind>(AXS_TRY(Kind::create(begin)))};
}

}  // namespace

Result<std::unique_ptr<SiteWorker>> SiteWorker::create(const train::Begin& begin) {
  return begin.train.sync == catalog::SyncMode::every_step ? create_as<RingWorker>(begin)
                                                           : create_as<Worker>(begin);
}

}  // namespace axs::learn
