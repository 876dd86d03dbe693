#!/bin/sh
#
# SPDX-License-Identifier: ISC
#
# usage: runatf.sh program ...
#
# Runs every case of ATF programs one by one, for systems without Kyua: each
# in a directory of its own, with its cleanup, under a time limit where there
# is timeout(1).  Exit 1 when one failed.

passed=0 failed=0 skipped=0
base=$(mktemp -d "${TMPDIR:-/tmp}/runatf.XXXXXXXXXX") || exit 1
trap 'cd / && rm -rf "$base"' EXIT
trap 'exit 1' HUP INT TERM
srcdir=$(pwd)

# meta case key: the value of one property of one case
meta() {
	awk -v want="$1" -v key="$2: " '
		index($0, "ident: ") == 1 { now = substr($0, 8) }
		now == want && index($0, key) == 1 {
			print substr($0, length(key) + 1)
		}' "$base/list"
}

# missing case: why it cannot run here, if it cannot
missing() {
	for p in $(meta "$1" require.progs); do
		command -v "$p" >/dev/null || echo "$p is not installed"
	done
	for f in $(meta "$1" require.files); do
		test -e "$f" || echo "$f is not there"
	done
	case $(meta "$1" require.user) in
	root)
		test "$(id -u)" = 0 || echo "needs root" ;;
	unprivileged)
		test "$(id -u)" != 0 || echo "must not be root" ;;
	esac
}

limit() {
	if command -v timeout >/dev/null; then
		timeout "$@"
	else
		shift
		"$@"
	fi
}

# run program case
run() {
	why=$(missing "$2")
	if [ -n "$why" ]; then
		skipped=$((skipped + 1))
		echo "$1:$2  ->  skipped: $why"
		return
	fi
	seconds=$(meta "$2" timeout)
	rm -rf "$base/work" "$base/result"
	mkdir "$base/work"
	(cd "$base/work" && limit "${seconds:-300}" "$srcdir/$1" \
	    -r "$base/result" -s "$srcdir" "$2") >"$base/out" 2>&1 </dev/null
	status=$?
	if [ "$(meta "$2" has.cleanup)" = true ]; then
		(cd "$base/work" && limit 60 "$srcdir/$1" -s "$srcdir" \
		    "$2:cleanup") >>"$base/out" 2>&1 </dev/null
	fi
	result=$(head -n 1 "$base/result" 2>/dev/null)
	case $status:$result in
	0:passed*|*:expected_*)
		passed=$((passed + 1)) ;;
	0:skipped*)
		skipped=$((skipped + 1)) ;;
	*)
		failed=$((failed + 1))
		result="${result:-no result}, exit $status"
		cat "$base/out" ;;
	esac
	echo "$1:$2  ->  $result"
}

for prog; do
	if ! "./$prog" -l >"$base/list"; then
		failed=$((failed + 1))
		echo "$prog  ->  cannot list its cases"
		continue
	fi
	for name in $(sed -n 's/^ident: //p' "$base/list"); do
		run "$prog" "$name"
	done
done

echo "$passed passed, $failed failed, $skipped skipped"
test "$failed" -eq 0
