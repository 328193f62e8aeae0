#include <algorithm>
#include <string>

#include "axs/fabric/story.h"
#include "axs/twin/site_state.h"
#include "axs/twin/twin.h"

/// The disks of the twin, as far as bulk transfers want them: files are sizes, and a hash of what
/// would be in them.
namespace axs::twin {

using fabric::Site;

namespace {

Hash256 content_of(const catalog::Transfer& transfer) {
  return sha256(to_wire(std::pair{transfer.name, transfer.size}));
}

}  // namespace

bool Twin::transfers_over() const {
  return config_.scenario.transfers.empty() || std::ranges::all_of(sites_, [](const auto& site) {
           return site->policy && site->policy->transfers().over();
         });
}

void Twin::work_on_file(SiteId site, decltype(FileDone::what) what) {
  queue_.push(now_ + config_.disk_sync,
              FileDone{site, sites_[site.value]->incarnation, std::move(what)});
}

void Twin::on(const FileDone& event) {
  const SiteState& site = *sites_[event.site.value];
  if (event.incarnation != site.incarnation || !site.policy) return;
  std::visit([&](const auto& what) { finish(event.site, what); }, event.what);
}

void Twin::finish(SiteId site, const fabric::OpenTransfer& action) {
  const catalog::Transfer& transfer = config_.scenario.transfers[action.transfer.value];
  step(site, fabric::TransferOpened{action.transfer, transfer.size, content_of(transfer)});
}

void Twin::finish(SiteId site, const fabric::ReadPiece& action) {
  step(site, fabric::PieceRead{action.piece});
}

void Twin::finish(SiteId site, const fabric::AcceptTransfer& action) {
  const fabric::TransferOffer& offer = action.offer;
  ReceivedFile& file = sites_[site.value]->received[offer.transfer];
  if (file.offer.content != offer.content) file = {};
  file.offer = offer;
  step(site, fabric::TransferHeld{offer.transfer, offer.content, file.held});
}

void Twin::finish(SiteId site, const fabric::KeepPiece& action) {
  ReceivedFile& file = sites_[site.value]->received[action.piece.transfer];
  std::uint64_t& end = file.waiting[action.piece.offset];
  end = std::max(end, action.piece.offset + action.piece.size);
  const std::uint64_t before = file.held;
  while (!file.waiting.empty() && file.waiting.begin()->first <= file.held) {
    file.held = std::max(file.held, file.waiting.begin()->second);
    file.waiting.erase(file.waiting.begin());
  }
  if (file.held > before)
    step(site, fabric::TransferHeld{action.piece.transfer, file.offer.content, file.held});
}

void Twin::perform(SiteId site, const fabric::TransferBegan& action) {
  note(site, fabric::told(config_.scenario, action));
}

void Twin::perform(SiteId site, const fabric::TransferProgressed& action) {
  note(site, fabric::told(config_.scenario, action));
}

void Twin::perform(SiteId site, const fabric::TransferDone& action) {
  note(site, fabric::told(config_.scenario, action));
}

void Twin::perform(SiteId site, const fabric::TransferRefused& action) {
  note(site, fabric::told(config_.scenario, action));
}

}  // namespace axs::twin
