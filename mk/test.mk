# SPDX-License-Identifier: ISC
#
#	TESTS_C= a_test		ATF programs, each from <name>.c,
#				SRCS_a_test (more sources) and SRCS (for all),
#				linked with LDFLAGS_a_test as well
#	TESTS_SH= b_test	ATF shell programs, each from <name>.sh
#	TOOLS= peer		programs the tests use, each from <name>.c,
#				SRCS_peer and SRCS; linked as the others
#	USES, TLS, EVENT	as in prog.mk
#	.include "../../../mk/test.mk"
#
# A source may lie elsewhere (../../../sbin/securetcpd/x.y); what it includes is
# found with CPPFLAGS_EXTRA= -I../../../sbin/securetcpd.

USES?=
.if ${.CURDIR:H:T} == "regress"
TOP?=		../..
.else
TOP?=		../../..
.endif
PROGDEFINES=	-DLIBEXECDIR=\"${PREFIX}/libexec\"

.include "common.mk"

.if ${OS} == "FreeBSD"
ATF_CFLAGS!=	${PKG_CONFIG} --cflags atf-c 2>/dev/null || \
		echo -I/usr/include/private
ATF_LIBS!=	${PKG_CONFIG} --libs atf-c 2>/dev/null || \
		echo -lprivateatf-c
.else
ATF_CFLAGS!=	${PKG_CONFIG} --cflags atf-c
ATF_LIBS!=	${PKG_CONFIG} --libs atf-c
.endif
INCLUDES+=	${ATF_CFLAGS}
ATF_SH!=	command -v atf-sh || echo /usr/libexec/atf-sh

SRCS?=
COMMON:=	${SRCS}
MAINS=
EXTRAS=
.for t in ${TESTS_C} ${TOOLS}
MAINS+=		${t}.c
EXTRAS+=	${SRCS_${t}}
.endfor
# A source that two programs share is compiled once.
SRCS!=		printf '%s\n' ${COMMON} ${MAINS} ${EXTRAS} '' | sort -u

all: ${TESTS_C} ${TESTS_SH} ${TOOLS}

.include "objs.mk"

.for t in ${TESTS_C}
OBJS_${t}=	${t}.o
.  for s in ${COMMON} ${SRCS_${t}}
OBJS_${t}+=	${s:T:R}.o
.  endfor
${t}: ${OBJS_${t}} ${ARCHIVES}
	${LINK} ${LDFLAGS_${t}} -o ${.TARGET} ${OBJS_${t}} ${ARCHIVES} \
	    ${SYSLIBS} ${ATF_LIBS}
.endfor

.for t in ${TOOLS}
OBJS_${t}=	${t}.o
.  for s in ${COMMON} ${SRCS_${t}}
OBJS_${t}+=	${s:T:R}.o
.  endfor
${t}: ${OBJS_${t}} ${ARCHIVES}
	${LINK} -o ${.TARGET} ${OBJS_${t}} ${ARCHIVES} ${SYSLIBS}
.endfor

.for t in ${TESTS_SH}
${t}: ${t}.sh
	{ echo '#! ${ATF_SH}'; cat ${t}.sh; } >${.TARGET}.tmp
	chmod 0555 ${.TARGET}.tmp
	mv -f ${.TARGET}.tmp ${.TARGET}
.endfor

# Kyua where it is, else each case by itself.
regress: all
.if !empty(TESTS_C) || !empty(TESTS_SH)
	LSAN_OPTIONS=suppressions=${.CURDIR}/${TOP}/mk/lsan.supp:print_suppressions=0; \
	export LSAN_OPTIONS; \
	if command -v kyua >/dev/null; then kyua test -k Kyuafile; \
	else sh ${TOP}/mk/runatf.sh ${TESTS_C} ${TESTS_SH}; fi
.endif

# For regress/tree/cross: each program and what it is made of.
programs:
.for t in ${TESTS_C} ${TOOLS}
	@echo '${t} ${t}.c ${COMMON} ${SRCS_${t}}'
.endfor

install:

clean:
	rm -f ${TESTS_C} ${TESTS_SH} ${TOOLS} ${OBJS} ${DEPENDS}
	rm -f ${GENERATED} ${FLAGSFILE}

.PHONY: all install clean programs regress
