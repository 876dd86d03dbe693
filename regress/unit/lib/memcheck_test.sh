# Copyright (c) 2026 The securetcpd developers
#
# SPDX-License-Identifier: ISC
#
# Handlers that free their object, and memory that runs out, under what finds
# any use of memory that is not there.

here=$(atf_get_srcdir)
top=$(cd "$here/../../.." && pwd)
make=$(command -v bmake || command -v make)

# What would be found: a byte that was freed before.
cat_planted()
{
	cat <<-C
	#include <stdlib.h>
	int
	main(void)
	{
		char *volatile p = malloc(8);

		p[0] = 0;
		free(p);
		return (p[0] != 0);
	}
	C
}

# run DIRECTORY PROGRAM CASE...: what stands before each is in $under.
run()
{
	dir=$1 program=$2
	shift 2
	for case; do
		# shellcheck disable=SC2086
		$under "$dir/$program" -s "$dir" -r result "$case" >out 2>&1 ||
		    atf_fail "$program:$case: $(cat out)"
		grep -q '^passed' result ||
		    atf_fail "$program:$case: $(cat result out)"
	done
}

atf_test_case valgrind
valgrind_head()
{
	atf_set descr "valgrind: close, abort and free from inside handlers," \
	    "event-driven and blocking; out of memory: no invalid access, no" \
	    "use of what is not initialised, no leak; what is planted is found"
	atf_set require.progs "valgrind"
	atf_set timeout 600
}
valgrind_body()
{
	nm "$here/handler_test" | grep -q __asan_init &&
	    atf_skip "these tests are built with a sanitizer"
	under="valgrind -q --error-exitcode=99 --leak-check=full
	    --show-leak-kinds=definite --errors-for-leak-kinds=definite"
	cat_planted >planted.c
	atf_check ${CC:-cc} -g -O0 -w -o planted planted.c
	# shellcheck disable=SC2086
	atf_check -s exit:99 -e match:'Invalid read' $under ./planted
	run "$here" handler_test free abort inside
	run "$here" gather_test handlers_close handlers_abort handlers_free
	run "$here" ending_test connect
	run "$here" fault_test certificate queue gather
	run "$here" alert_test later replaced
}

atf_test_case sanitizers
sanitizers_head()
{
	atf_set descr "the same and more with the address and undefined" \
	    "behaviour sanitizers, built here: no report, no leak; what is" \
	    "planted is found"
	atf_set timeout 600
}
sanitizers_body()
{
	cat_planted >planted.c
	${CC:-cc} -g -O0 -w -fsanitize=address,undefined -o planted \
	    planted.c 2>/dev/null || atf_skip "this compiler has no sanitizers"
	atf_check -s not-exit:0 -o ignore -e match:'heap-use-after-free' \
	    ./planted
	mkdir -p tree/regress/unit
	cp -R "$top/lib" "$top/mk" tree/
	cp -R "$here" tree/regress/unit/lib
	cp -R "$top/regress/tools" tree/regress/tools
	# What was built before may be as young as the flags it is built with.
	find tree -name '*.[oad]' -exec rm -f {} +
	dir=$PWD/tree/regress/unit/lib
	programs="handler_test gather_test ending_test fault_test many_test
	    rows_test"
	for d in lib/libcompat lib/libsandbox lib/libsecuretcp; do
		atf_check -o ignore -e ignore "$make" -C tree/$d \
		    SANITIZE=address,undefined all
	done
	(cd "$dir" && rm -f $programs tlspeer)
	# shellcheck disable=SC2086
	atf_check -o ignore -e ignore "$make" -C "$dir" \
	    SANITIZE=address,undefined $programs tlspeer
	atf_check -o match:__asan_init nm "$dir/handler_test"
	LSAN_OPTIONS=suppressions=$top/mk/lsan.supp:print_suppressions=0
	export LSAN_OPTIONS
	under=
	run "$dir" handler_test free abort close orders assign inside none
	run "$dir" gather_test handlers_close handlers_abort handlers_free \
	    states
	run "$dir" ending_test receive send close connect refusal
	# shellcheck disable=SC2046
	run "$dir" fault_test $("$dir/fault_test" -l | sed -n 's/^ident: //p')
	run "$dir" many_test together apart
	run "$dir" rows_test handlers_free free
}

atf_init_test_cases()
{
	atf_add_test_case valgrind
	atf_add_test_case sanitizers
}
