# SPDX-License-Identifier: ISC
#
# Rules from SRCS to OBJS.  A source may lie elsewhere (../x/y.c); its object
# is made here.

OBJS=
GENERATED=
DEPENDS=

.for s in ${SRCS:M*.y}
${s:T:R}.c: ${s}
	${YACC} -o ${.TARGET} ${s}
GENERATED+=	${s:T:R}.c
OBJS+=		${s:T:R}.o
DEPENDS+=	${s:T:R}.d
${s:T:R}.o: ${s:T:R}.c ${FLAGSFILE}
	${COMPILE} ${PROGDEFINES} -c -o ${.TARGET} ${s:T:R}.c
.endfor

.for s in ${SRCS:M*.c}
OBJS+=		${s:T:R}.o
DEPENDS+=	${s:T:R}.d
${s:T:R}.o: ${s} ${FLAGSFILE}
	${COMPILE} ${PROGDEFINES} -c -o ${.TARGET} ${s}
.endfor

${FLAGSFILE}:

.for d in ${DEPENDS}
.  if exists(${d})
.include "${.CURDIR}/${d}"
.  endif
.endfor
