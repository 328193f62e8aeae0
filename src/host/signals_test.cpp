#include "axs/host/signals.h"

#include <doctest/doctest.h>

using namespace axs::host;

TEST_CASE("signals: they wait to be read, and the mask is restored") {
  sigset_t before, after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  {
    auto signals = SignalFd::create();
    REQUIRE(signals);
    CHECK_FALSE(signals->next());
    ::raise(SIGINT);
    ::raise(SIGTERM);
    CHECK(signals->next() == SIGINT);
    CHECK(signals->next() == SIGTERM);
    CHECK_FALSE(signals->next());
  }
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  CHECK(::sigismember(&before, SIGINT) == ::sigismember(&after, SIGINT));
}

TEST_CASE("signals: the first asks to finish, the second to abort, a closed terminal to finish") {
  Cancellation cancellation;
  CHECK(cancellation.state() == Cancel::none);
  CHECK(cancellation.on_signal(SIGHUP) == Cancel::finish);
  CHECK(cancellation.on_signal(SIGHUP) == Cancel::finish);
  CHECK(cancellation.on_signal(SIGINT) == Cancel::finish);
  CHECK(cancellation.on_signal(SIGTERM) == Cancel::abort);
  CHECK(cancellation.on_signal(SIGHUP) == Cancel::abort);
  CHECK(cancellation.state() == Cancel::abort);
}
