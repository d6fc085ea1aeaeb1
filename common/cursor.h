/* A position in a user's log as clients carry it: "<epoch>-<seq>", e.g. "7f3a02c49b11-41". */
#ifndef PERCH_CURSOR_H
#define PERCH_CURSOR_H

#include <stddef.h>
#include <stdint.h>

enum {
    CURSOR_EPOCH_MAX = 16,                           /* lower-case hexadecimal digits */
    CURSOR_TEXT_MAX = CURSOR_EPOCH_MAX + 1 + 16 + 1, /* 53 bits are 16 decimal digits */
};

struct cursor {
    char epoch[CURSOR_EPOCH_MAX + 1];
    int64_t seq; /* 0 to 2^53 - 1 */
};

/* Exactly what cursor_format() makes: no sign, no leading zero, 1 to 16 digits of epoch; else
 * ERR_BAD_CURSOR. */
int cursor_parse(const char *text, struct cursor *ret_cursor) __attribute__((warn_unused_result));

void cursor_format(const struct cursor *cursor, char ret_text[CURSOR_TEXT_MAX]);

#endif
