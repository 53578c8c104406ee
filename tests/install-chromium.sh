#!/bin/sh
# Install Debian's Chromium and a Chinese font where that is possible, otherwise say so.
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null && exit 0
fi
echo "*** no chromium here and it cannot be installed: the browser tests will be skipped ***" >&2
exit 0
