/* The configuration: PERCH_* environment variables, read once at start, read-only afterwards. The
 * table is conf.def. */
#ifndef PERCH_CONF_H
#define PERCH_CONF_H

#include <stdio.h>

/* Bytes; keys of the longest ids fit their buffers then. */
enum { CONF_REDIS_PREFIX_MAX = 40 };

struct conf {
#define CONF_TEXT(field, key, initial, help)                  const char *field;
#define CONF_INT(field, key, initial, minimum, maximum, help) int field;
#include "conf.def"
#undef CONF_TEXT
#undef CONF_INT
};

/* Reads the environment. ERR_CONFIG, with a log line naming the variable, its value and its bounds,
 * for a number that is none or out of bounds, or a text that is too long. An empty variable counts
 * as unset. Texts point into the environment or the program. */
int conf_load(struct conf *ret_conf) __attribute__((warn_unused_result));

/* The table as --help shows it: name, default, help. */
void conf_print(FILE *stream);

#endif
