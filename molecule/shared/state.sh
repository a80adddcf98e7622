# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
#
# Prints what must be the same after a prediction (all of it) and after a rollback (the lines of files): the files of the
# project by content, everything in it by kind, mode and owner, the journal's folder, and the containers by id.
# shellcheck shell=sh
cd /opt/fastgpt
find . -maxdepth 1 -type f ! -name '.*' -exec sha256sum {} + | sort | sed 's/^/file /'
find . -maxdepth 1 -type f -name '.*' -exec sha256sum {} + | sort | sed 's/^/file /'
find . -maxdepth 1 -printf 'file %p %y %m %U:%G\n' | sort
docker ps --all --no-trunc --format 'container {{.Names}} {{.ID}}' | sort
