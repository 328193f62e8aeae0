#!/bin/sh
# check_pure.sh <source folder> <archive>: a pure module may not name, nor link to, a clock, a
# socket, a file, a thread or ambient randomness. The first check sees headers, the second sees what
# was emitted.
banned='chrono|thread|mutex|atomic|future|random|fstream|iostream|filesystem|ctime'
banned="#include *<($banned|unordered_map|unordered_set|sys/.*|unistd\\.h|netinet/.*)>"
calls='time|rand|srand|random|getenv|open|openat|fopen|read|write|socket|connect|send|recv|poll'
calls="$calls|epoll_.*|pthread_create|nanosleep|usleep|getrandom|getentropy|arc4random"
calls="$calls|RAND_bytes|RAND_priv_bytes"
impure="clock_gettime|gettimeofday|chrono::_V2::|^ *U ($calls)(@|\$)"
impure="$impure|std::random_device|std::thread|basic_[io]?f?stream"
status=0
grep -nE "$banned" "$1"/*.h "$1"/*.cpp 2>/dev/null | grep -vE '_(test|bench)\.cpp' && status=1
nm -uC "$2" 2>/dev/null | grep -E "$impure" && status=1
[ $status -eq 0 ] || echo "$1 is declared PURE but uses the above" >&2
exit $status
