/* A growing byte buffer, always NUL-terminated once something was added.
 *
 * Running out of memory ends the process with a log line: no caller handles it. `= {0}` or
 * buf_init() makes an empty one; buf_clear() keeps the memory; buf_release() frees it. */
#ifndef PERCH_BUF_H
#define PERCH_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data; /* NULL while nothing was ever added */
    size_t length;
    size_t capacity;
};

void buf_init(struct buf *buf);
void buf_clear(struct buf *buf);
void buf_release(struct buf *buf);

void buf_add(struct buf *buf, const void *bytes, size_t length);
void buf_adds(struct buf *buf, const char *text);
void buf_addi(struct buf *buf, int64_t number);
void buf_addf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes away what is behind the first `length` bytes; `length` is at most what is there. */
void buf_cut(struct buf *buf, size_t length);

/* Room for `length` more bytes without a further allocation. */
void buf_reserve(struct buf *buf, size_t length);

/* `text` as a JSON string with its quotes (RFC 8259: `"`, `\` and control characters escaped; also
 * U+2028/2029 are left as they are). The text must be valid UTF-8. NULL gives `null`. */
void buf_add_json(struct buf *buf, const char *text);

#endif
