/* What every unit test includes first: cmocka with the headers it asks for. */
#ifndef PERCH_UNIT_H
#define PERCH_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* From here to unit_stderr_end() standard error goes into a file of its own. */
void unit_stderr_begin(void);

/* What was written there, NUL-terminated, valid until the next call. */
const char *unit_stderr_end(void);

/* A name for mkstemp() or mkdtemp(), below TMPDIR (below /tmp where that is long, for names of
 * sockets are short). */
enum { UNIT_TMP_BYTES = 64 };
void unit_tmp(char name[UNIT_TMP_BYTES], const char *what);

#endif
