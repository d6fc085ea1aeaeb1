/* Lengths as Telegram counts them: in UTF-16 units, of text that is valid UTF-8. */
#ifndef PERCH_UTF16_H
#define PERCH_UTF16_H

#include <stddef.h>

#include "common/buf.h"

size_t utf16_units(const char *text, size_t length);

/* Bytes to keep so that the text is within both limits. `length` when it all is; otherwise fewer,
 * so that "…" (one unit, three bytes) goes behind it and the whole is within the limits, which must
 * be at least that much. The end lies between two graphemes, so it parts no emoji and no letter
 * from its accents; only when nothing one could see would be left of the text, between two code
 * points. */
size_t utf16_cut(const char *text, size_t length, size_t max_units, size_t max_bytes);

/* Cuts what stands in the buffer from `from` on, and adds "…" if anything went. */
void utf16_shorten(struct buf *buf, size_t from, size_t max_units, size_t max_bytes);

#endif
