# SPDX-License-Identifier: ISC
#
#	LIB= wire		makes libwire.a
#	SRCS= wire.c
#	INCS= wire.h		installed, with the library, when set
#	.include "../../mk/lib.mk"

USES?=
.include "common.mk"

ARCHIVE=	lib${LIB}.a

all: ${ARCHIVE}

.include "objs.mk"

${ARCHIVE}: ${OBJS}
	rm -f ${.TARGET}
	${AR} rcs ${.TARGET} ${OBJS}

install: all
.if defined(INCS)
	${INSTALL} -d ${DESTDIR}${PREFIX}/lib ${DESTDIR}${PREFIX}/include
	${INSTALL} -m 0444 ${ARCHIVE} ${DESTDIR}${PREFIX}/lib
.  for h in ${INCS}
	${INSTALL} -m 0444 ${h} ${DESTDIR}${PREFIX}/include
.  endfor
.endif

clean:
	rm -f ${ARCHIVE} ${OBJS} ${DEPENDS} ${GENERATED} ${FLAGSFILE}

.PHONY: all install clean
