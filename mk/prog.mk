# SPDX-License-Identifier: ISC
#
#	PROG= securetcpd
#	SRCS= main.c parse.y
#	USES= wire securetcp compat
#	BINDIR= ${PREFIX}/sbin
#	BINMODE= 0555		the default
#	TLS= yes
#	EVENT= yes
#	.include "../../mk/prog.mk"

USES?=
BINDIR?=	${PREFIX}/sbin
BINMODE?=	0555
PROGDEFINES=	-DLIBEXECDIR=\"${PREFIX}/libexec\"

.include "common.mk"

all: ${PROG}

.include "objs.mk"

${PROG}: ${OBJS} ${ARCHIVES}
	${LINK} -o ${.TARGET} ${OBJS} ${ARCHIVES} ${SYSLIBS}

install: all
	${INSTALL} -d ${DESTDIR}${BINDIR}
	${INSTALL} -m ${BINMODE} ${PROG} ${DESTDIR}${BINDIR}

clean:
	rm -f ${PROG} ${OBJS} ${DEPENDS} ${GENERATED} ${FLAGSFILE}

.PHONY: all install clean
