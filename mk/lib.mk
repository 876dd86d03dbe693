# SPDX-License-Identifier: ISC
#
#	LIB= wire		makes libwire.a
#	SRCS= wire.c
#	INCS= wire.h		installed, with the library, when set
#	PC= wire.pc		for pkg-config, from wire.pc.in, with INCS
#	EXAMPLES= examples/a.c	installed, with INCS
#	.include "../../mk/lib.mk"

USES?=
.include "common.mk"

ARCHIVE=	lib${LIB}.a
PC?=
EXAMPLES?=
EXAMPLESDIR=	${PREFIX}/share/examples/securetcpd
.if ${OS} == "FreeBSD"
PCDIR?=		${PREFIX}/libdata/pkgconfig
.else
PCDIR?=		${PREFIX}/lib/pkgconfig
.endif

all: ${ARCHIVE}

.include "objs.mk"

${ARCHIVE}: ${OBJS}
	rm -f ${.TARGET}
	${AR} rcs ${.TARGET} ${OBJS}

install: all realinstall
.ORDER: all realinstall

realinstall:
.if defined(INCS)
	${INSTALL} -d ${DESTDIR}${PREFIX}/lib ${DESTDIR}${PREFIX}/include
	${INSTALL} -m 0444 ${ARCHIVE} ${DESTDIR}${PREFIX}/lib
.  for h in ${INCS}
	${INSTALL} -m 0444 ${h} ${DESTDIR}${PREFIX}/include
.  endfor
.  for p in ${PC}
	${INSTALL} -d ${DESTDIR}${PCDIR}
	sed 's,@PREFIX@,${PREFIX},g' ${p}.in >${p}.tmp
	${INSTALL} -m 0444 ${p}.tmp ${DESTDIR}${PCDIR}/${p}
	rm -f ${p}.tmp
.  endfor
.  for e in ${EXAMPLES}
	${INSTALL} -d ${DESTDIR}${EXAMPLESDIR}
	${INSTALL} -m 0444 ${e} ${DESTDIR}${EXAMPLESDIR}
.  endfor
.endif

clean:
	rm -f ${ARCHIVE} ${OBJS} ${DEPENDS} ${GENERATED} ${FLAGSFILE}

.PHONY: all install realinstall clean
